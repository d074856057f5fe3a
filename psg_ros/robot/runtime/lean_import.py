# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Import a library without a part that it offers and nothing here needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """Let every import of a module fail meanwhile, unless it is loaded already.

    For a library that goes on where the import fails. Later the module can be imported as ever.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # what makes an import fail
    try:
        yield
    finally:
        del sys.modules[module]
