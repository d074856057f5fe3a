# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a reader sees the old content or the new one, never half of it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME_BYTES = 255
"""Longest file name on all usual file systems of Linux."""
NPZ_DAMAGE = (
    EOFError, MemoryError, OSError, RuntimeError, TypeError, ValueError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What damaged .npz files raise, depending on where; RuntimeError is zipfile's for odd flags,
MemoryError numpy's for an absurd size."""

_FULL_BYTES = 2**16  # encoders fail some bytes before the disk is full, and say something else
_LONGEST_SUFFIX = 16  # bytes; what is longer after a dot is not a format

_TEMPORARY = re.compile(r"\..+\.(?P<process>\d{1,7})\.partial(\.[^.]*)?")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes the place of `path` when the block ends well.

    After an error inside the block nothing stays behind and an older `path` is untouched; after a
    kill the temporary file stays, see `remove_leftovers`. Its name keeps the suffix, from which
    encoders choose their format.

    Raises:
        FileNotFoundError: the folder does not exist.
        OSError: the disk is full; names `path`, whatever the block raised.
        ValueError: `path` is a folder.
    """
    path = Path(path)
    check_writable(path)
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= _LONGEST_SUFFIX else ""
    ending = f".{os.getpid()}.partial{suffix}"
    temporary = path.with_name(name_with_suffix(f".{path.stem}", ending))
    try:
        with _naming_a_full_disk(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a folder to make and fill; it appears as `path` when the block ends well.

    Its last name is that of `path`. After an error inside the block nothing stays behind; after a
    kill the temporary folder stays until `remove_leftovers`, or the next try.

    Raises:
        FileExistsError: something lies at `path`.
        FileNotFoundError: the folder around it does not exist.
    """
    path = Path(path)
    check_new_folder(path)
    remove_leftovers(path.parent)
    around = path.with_name(name_with_suffix(f".{path.name}", f".{os.getpid()}.partial"))
    around.mkdir()
    try:
        with _naming_a_full_disk(path):
            yield around / path.name
        check_new_folder(path)  # os.rename would replace an empty folder without a word
        os.rename(around / path.name, path)
    finally:
        shutil.rmtree(around, ignore_errors=True)


@contextmanager
def _naming_a_full_disk(path: Path) -> Iterator[None]:
    """Make one error that names the file of all that libraries raise when the disk is full."""
    try:
        yield
    except Exception as error:
        is_full = shutil.disk_usage(path.parent).free < _FULL_BYTES
        if is_full or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def check_new_folder(path: Path) -> None:
    """Raise early what `new_folder` would raise late: before minutes of work."""
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists and is not overwritten: remove it or take a new name")
    check_writable(path)


@contextmanager
def scratch_beside(folder: Path) -> Iterator[Path]:
    """Give an empty folder on the same disk as `folder`, to fill before its files are moved there.

    It is removed at the end; after an error so are the parents of `folder` that were made for it.
    """
    made = [place for place in folder.absolute().parents if not place.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            yield Path(scratch)
    except BaseException:
        for place in made:
            with suppress(OSError):  # not made yet, or somebody uses it
                place.rmdir()
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove what `replacing` and `new_folder` made for processes that were killed; others stay."""
    for path in folder.glob(".*.partial*"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _is_alive(int(match["process"])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing, only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file as a whole; bytes of file names that are none are escaped."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def name_with_suffix(name: str, suffix: str) -> str:
    """Return the name with something appended; a name that gets too long is cut and numbered."""
    whole = os.fsencode(name + suffix)
    if len(whole) <= NAME_BYTES:
        return name + suffix
    mark = f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}{suffix}"
    return os.fsdecode(os.fsencode(name)[: NAME_BYTES - len(os.fsencode(mark))]) + mark


def printable(text: str) -> str:
    """Return text for one line of a terminal: what is not printable in it is escaped.

    File names may hold line ends, commands to the terminal, and bytes that are not text.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def check_not_input(path: Path, source: str | Path) -> None:
    """Raise ValueError where an output would take the place of what is read."""
    try:
        is_same = path.samefile(source)
    except OSError:  # at least one of them does not exist
        is_same = False
    if is_same:
        raise ValueError(f"{path} is the input; the output needs a name of its own")


def check_writable(path: Path) -> None:
    """Raise early what `replacing` would raise late: before minutes of work."""
    if len(os.fsencode(path.name)) > NAME_BYTES:
        raise ValueError(f"the name {path.name[:40]}... is longer than {NAME_BYTES} bytes")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file name")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a device or a pipe; expected a file name")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} for {path.name} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"no permission to write into {path.parent}")
