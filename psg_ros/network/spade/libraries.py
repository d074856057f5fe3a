# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The libraries that SPADE stands on, imported when it is used: they are an extra."""

from __future__ import annotations

import importlib
from types import ModuleType

EXTRA = "open-vocabulary"


def library(name: str) -> ModuleType:
    """Return diffusers, peft or transformers.

    Raises:
        ImportError: not installed, or broken; names the extra.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:
        # A torchvision that was built for another torch breaks them all, with a RuntimeError.
        raise ImportError(
            f"SPADE needs {name}: on Python 3.11 or newer, pip install '.[{EXTRA}]' in the source "
            f"folder; if torchvision is installed, it must be built for your torch, or go: {error}"
        ) from error
