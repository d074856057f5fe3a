# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Import a library without a part that is slow to import and that nothing here needs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def without(module: str) -> Iterator[None]:
    """Let every import of a module fail meanwhile, unless it is loaded already.

    For a library that goes on where the import fails. Afterwards the module can be imported.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # what makes an import fail
    try:
        yield
    finally:
        del sys.modules[module]


def on_demand(library: ModuleType, name: str, module: str) -> None:
    """Give a library the attribute that it lacks for want of a module, once somebody asks for it.

    Others in this process may use the part that was left out.
    """
    if hasattr(library, name):
        return

    def find(asked: str) -> Any:
        if asked != name:
            raise AttributeError(f"module {library.__name__!r} has no attribute {asked!r}")
        return getattr(importlib.import_module(module), name)

    library.__getattr__ = find  # type: ignore[method-assign] # PEP 562
