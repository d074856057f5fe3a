# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for packages that a bare machine with torch lacks, as far as networks need them.

`psg_ros.network` writes the shapes of its tensors with jaxtyping, which nobody reads at run time,
and `psg_ros.setting_files` can read YAML, which nobody asks for here.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

KINDS = ("Bool", "Float", "Int", "Int32", "Int64", "Num", "Shaped", "UInt8")


class _Annotation:
    """`Float[Tensor, "a b"]` is the tensor."""

    def __class_getitem__(cls, item: Any) -> Any:
        return item[0]


def install() -> list[str]:
    """Put stand-ins in place of what is not installed; return its names."""
    missing = [name for name in ("jaxtyping", "yaml") if not _is_installed(name)]
    for name in missing:
        module = ModuleType(name)
        if name == "jaxtyping":
            vars(module).update({kind: type(kind, (_Annotation,), {}) for kind in KINDS})
        else:
            vars(module).update(YAMLError=ValueError, SafeLoader=object)
        sys.modules[name] = module
    return missing


def _is_installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True
