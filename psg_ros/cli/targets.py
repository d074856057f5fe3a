# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Folders that a command shall write: refused before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path


def check_folder(folder: Path) -> None:
    """Raise early what making a folder and writing into it would raise late.

    Raises:
        NotADirectoryError: the folder, or one that it shall lie in, is a file.
        PermissionError: it cannot be made, or nothing can be written into it.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"{there} is a file; expected a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"no permission to write into {there}")
