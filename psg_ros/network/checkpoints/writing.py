# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writing safetensors files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write contiguous tensors that share no memory, with the rights that any new file gets.

    safetensors alone leaves a file that nobody but its owner may read, so that a colleague could
    not go on with a run.
    """
    path.touch()
    rights = path.stat().st_mode & 0o777
    save_file(dict(tensors), path)
    path.chmod(rights)
