# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled networks kept between starts: written as a whole, verified before they are used.

A cache must never be worse than none. Whatever is wrong with it (no home, another user's folder, a
full disk, a damaged file) costs a warning and the time of compiling again, not a start or a score.

A file holds the SHA-256 of what the network was compiled for, the SHA-256 of the compiled form, and
that form.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from psg_ros.files import remove_leftovers, replacing

logger = logging.getLogger(__name__)
CURE = "networks are compiled again at every start; set PSG_CACHE to a folder of your own"
DIGEST_BYTES = 32


def cache_folder(name: str) -> Path | None:
    """Return this user's folder for the compiled networks of one backend; made if need be.

    It lies below $PSG_CACHE, $XDG_CACHE_HOME/psg_ros or ~/.cache/psg_ros. None, with a warning:
    there is no home, the folder cannot be made, or others could put networks into it.
    """
    try:
        home = _home()
        for folder in (home, home / name):
            _make_private(folder)
    except (OSError, RuntimeError) as error:
        _warn(f"{_reason(error)}: {CURE}")
        return None
    return home / name


def load(path: Path, purpose: str) -> bytes | None:
    """Return a network that was stored for this very purpose, or None; damage is a warning."""
    try:
        with _open_file(path) as file:
            stored_for, digest = file.read(DIGEST_BYTES), file.read(DIGEST_BYTES)
            if stored_for != _digest(purpose.encode()):
                return None  # of another version of something
            network = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        _warn(f"{_reason(error)}: the network is compiled again")
        return None
    if digest != _digest(network):
        _warn(f"{path} is damaged: the network is compiled again")
        return None
    return network


def store(path: Path, purpose: str, network: bytes | memoryview) -> None:
    """Keep a network for the next start; failing is a warning.

    Args:
        purpose: all that the compiled form depends on.
    """
    try:
        remove_leftovers(path.parent)
        with replacing(path) as temporary:
            temporary.touch(mode=0o600)
            with temporary.open("wb") as file:
                file.write(_digest(purpose.encode()))
                file.write(_digest(network))
                file.write(network)
    except (OSError, ValueError) as error:
        # Of several networks, one warning: their own names are left out.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        _warn(f"nothing can be kept in {path.parent} ({reason}): {CURE}")


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
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user")
    # Ubuntu gives every user a group of the same name, and its members all rights.
    of_group = 0 if found.st_gid == os.getegid() else stat.S_IWGRP
    if found.st_mode & (stat.S_IWOTH | of_group):
        raise PermissionError(f"other users may write into {folder} (chmod go-w cures it)")


def _open_file(path: Path) -> BinaryIO:
    """Open an ordinary file to read; a link is not followed, a pipe not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no file")
    return os.fdopen(descriptor, "rb")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}"
    return str(error)


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).digest()


@cache
def _warn(text: str) -> None:
    """Say it once: a model has several networks, and a node may open them many times."""
    logger.warning(text)
