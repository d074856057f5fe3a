# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where compiled networks are kept: a folder that nobody but its user can put anything into."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


def make_cache_folder(name: str) -> Path:
    """Return this user's folder for the compiled networks of one backend; made if need be.

    It lies below $PSG_CACHE, $XDG_CACHE_HOME/psg_ros or ~/.cache/psg_ros.

    Raises:
        OSError, RuntimeError: there is no home, the folder cannot be made, or others could put
            networks into it.
    """
    home = _home()
    for folder in (home, home / name):
        _make_private(folder)
    return home / name


def open_private(path: Path) -> BinaryIO:
    """Open a file of this user's to read; a link is not followed, a pipe not waited for.

    Raises:
        OSError: there is none, it is something else, or others own it or could have written it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(descriptor, "rb") if _is_file(descriptor) else None
    if file is None:
        os.close(descriptor)
        raise OSError(f"{path} is no file")
    try:
        _check_owner(path, os.fstat(descriptor))
    except OSError:
        file.close()
        raise
    return file


def _home() -> Path:
    if named := os.environ.get("PSG_CACHE"):
        return Path(named)
    # A user without an entry in the password file and without $HOME has no home: RuntimeError.
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "psg_ros")


def _make_private(folder: Path) -> None:
    """Make a folder unless it is there.

    Raises:
        OSError: it cannot be made, or others could change what lies in it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise PermissionError(f"{folder} is a link")
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder} is a file")
    _check_owner(folder, found)


def _check_owner(path: Path, found: os.stat_result) -> None:
    """Raise PermissionError unless it is this user's, and nobody else may write."""
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{path} belongs to another user")
    # Ubuntu gives every user a group of the same name, and its members all rights.
    of_group = 0 if found.st_gid == os.getegid() else stat.S_IWGRP
    if found.st_mode & (stat.S_IWOTH | of_group):
        raise PermissionError(f"other users may write into {path} (chmod go-w cures it)")


def _is_file(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)
