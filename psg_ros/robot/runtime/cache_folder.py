# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where compiled networks are kept: a folder that nobody but its user can put anything into.

Machine code is guarded more closely than other forms: there no group may write, see `is_native`.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

KEY_FILE, KEY_BYTES = "key", 32


def make_cache_folder(name: str, *, is_native: bool = False) -> Path:
    """Return this user's folder for the compiled networks of one backend; made if need be.

    It lies below $PSG_CACHE, $XDG_CACHE_HOME/psg_ros or ~/.cache/psg_ros.

    Raises:
        OSError, RuntimeError: there is no home, the folder cannot be made, or others could put
            networks into it.
    """
    home = _home()
    for folder in (home, home / name):
        _make_private(folder, is_native)
    return home / name


def read_key(home: Path) -> bytes:
    """Return the key that this user's files are signed with; made if need be.

    One that others can read, or of another length, is replaced: what it signed is worth nothing.

    Raises:
        OSError: it cannot be read or made.
    """
    path = home / KEY_FILE
    with suppress(FileNotFoundError), open_private(path, is_native=True) as file:
        key = file.read()
        if len(key) == KEY_BYTES and not os.fstat(file.fileno()).st_mode & 0o077:
            return key
        path.unlink()
    draft = home / f".{KEY_FILE}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):  # another process was faster: its key counts
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_bytes()


def open_private(path: Path, *, is_native: bool = False) -> BufferedReader:
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
        _check_owner(path, os.fstat(descriptor), is_native)
    except OSError:
        file.close()
        raise
    return file


def _home() -> Path:
    if named := os.environ.get("PSG_CACHE"):
        return Path(named)
    # A user without an entry in the password file and without $HOME has no home: RuntimeError.
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "psg_ros")


def _make_private(folder: Path, is_native: bool) -> None:
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
    _check_owner(folder, found, is_native)


def _check_owner(path: Path, found: os.stat_result, is_native: bool) -> None:
    """Raise PermissionError unless it is this user's, and nobody else may write."""
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{path} belongs to another user")
    # Ubuntu gives every user a group of the same name, and its members all rights.
    is_own_group = found.st_gid == os.getegid() and not is_native
    of_group = 0 if is_own_group else stat.S_IWGRP
    if found.st_mode & (stat.S_IWOTH | of_group):
        raise PermissionError(f"other users may write into {path} (chmod go-w cures it)")


def _is_file(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)
