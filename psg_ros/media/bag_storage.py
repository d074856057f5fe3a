# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags as the `rosbags` library can open them: unpacked, with an end, and under plain names."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psg_ros.media.kinds import identify

METADATA_FILE = "metadata.yaml"
MCAP_MAGIC, SQLITE_MAGIC, ROS1_MAGIC = b"\x89MCAP0\r\n", b"SQLite format 3\0", b"#ROSBAG V"
_SUFFIXES = {MCAP_MAGIC: ".mcap", SQLITE_MAGIC: ".db3", ROS1_MAGIC: ".bag"}
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

MOST_BYTES = 1 << 30
"""A message that unpacks to more is not an image."""

_CURES = {
    ".mcap": "try: mcap recover FILE -o RECOVERED.mcap",
    ".db3": "try: sqlite3 FILE .recover | sqlite3 RECOVERED.db3",
    ".bag": "try: rosbag reindex FILE",
}
_REINDEX = "try: ros2 bag reindex FOLDER, which rewrites its metadata.yaml"

# MCAP specification, records: code (1 byte), length (8 bytes, little endian), content.
_RECORD_HEAD, _FOOTER_CODE, _DATA_END_CODE = 9, 0x02, 0x0F
_FOOTER = bytes([_FOOTER_CODE]) + (20).to_bytes(8, "little") + bytes(20) + MCAP_MAGIC
"""A footer that says: there is no index, read it all."""


@dataclass(frozen=True)
class Storage:
    """What `rosbags` opens.

    Attributes:
        paths: a folder with metadata, or files.
        is_cut: an MCAP file had no end; what follows its last whole record is lost.
        cure: what to try where it cannot be opened after all.
    """

    paths: list[Path]
    is_cut: bool
    cure: str


def is_bag(path: Path) -> bool:
    """Whether a path is a bag: a folder of one, or a file of one."""
    return is_bag_folder(path) if path.is_dir() else path.is_file() and _is_storage(path)


def is_bag_folder(folder: Path) -> bool:
    """Whether a folder holds a bag: metadata, or files of one that were copied without it.

    A bag file among pictures does not make a bag of their folder.
    """
    if (folder / METADATA_FILE).is_file():
        return True
    return bool(_storage_files(folder)) and not any(map(_is_picture, folder.iterdir()))


def storage_name(path: Path) -> str:
    """Return what a bag is stored as: `sqlite3`, or `mcap` (for ROS 1, too: it is not written)."""
    files = _storage_files(path) if path.is_dir() else [path]
    is_sqlite = any(_head(f).startswith(SQLITE_MAGIC) or ".db3" in f.suffixes for f in files)
    return "sqlite3" if is_sqlite else "mcap"


@contextmanager
def prepared(path: Path) -> Iterator[Storage]:
    """Give a bag file, or a folder of them, for as long as the block lasts.

    Raises:
        ValueError: it is not a bag; a packed file is damaged.
    """
    with TemporaryDirectory(prefix="psg_bag_") as name:
        # rosbags goes by the suffix, and SQLite takes `?` and `#` in a name for a URI's: it gets
        # links with names of our own.
        folder = Path(name)
        if (path / METADATA_FILE).is_file():
            link = folder / "bag"
            link.symlink_to(path.resolve())
            yield Storage([link], False, _REINDEX)
            return
        files = _storage_files(path) if path.is_dir() else [path]
        if not files:
            what = f"neither {METADATA_FILE} nor a file of a bag (.mcap, .db3, .bag)"
            raise ValueError(f"{path} is no bag: it holds {what}; name the folder of a recording")
        links = [_prepare(file, folder / str(index)) for index, file in enumerate(files)]
        is_cut = any(was_cut for _, was_cut in links)
        yield Storage([link for link, _ in links], is_cut, _CURES[links[0][0].suffix])


def unpacked(message: bytes) -> bytes:
    """Return a serialised message, which a recorder may have packed one by one.

    Raises:
        ValueError: it is packed and damaged, or larger than any image.
    """
    if not message.startswith(ZSTD_MAGIC):  # what is not packed begins with 0
        return message
    zstd = _zstd()
    unpacker = zstd.ZstdDecompressor()
    try:
        content = bytes(unpacker.decompress(message, max_length=MOST_BYTES))
    except zstd.ZstdError as error:
        raise ValueError(f"damaged packing: {error}") from error
    if not unpacker.eof:
        raise ValueError(f"its compression is incomplete, or it holds more than {MOST_BYTES} bytes")
    return content


def _storage_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and _is_storage(file))


def _is_storage(file: Path) -> bool:
    try:
        head = _head(file)
    except OSError:
        return False
    if head.startswith((MCAP_MAGIC, ROS1_MAGIC)):
        return True
    # Other programs have SQLite and zstd files, too.
    names = (".db3",) if head.startswith(SQLITE_MAGIC) else (".mcap.zstd", ".db3.zstd")
    return head.startswith((SQLITE_MAGIC, ZSTD_MAGIC)) and file.name.endswith(names)


def _is_picture(file: Path) -> bool:
    try:
        kind = identify(file) if file.is_file() else None
    except (OSError, ValueError):  # unreadable, empty
        return False
    return kind is not None and kind.family == "picture"


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(len(SQLITE_MAGIC))


def _prepare(file: Path, stem: Path) -> tuple[Path, bool]:
    """Return a link or copy of a bag file with the suffix of its kind, and whether it was cut."""
    source, head = file.resolve(), _head(file)
    if head.startswith(ZSTD_MAGIC):
        source = stem.with_suffix(".unpacked")
        _unpack(file, source)
        head = _head(source)
    suffix = next((suffix for magic, suffix in _SUFFIXES.items() if head.startswith(magic)), None)
    if suffix is None:
        what = f"begins with {head[:8]!r}" if head else "is empty: nothing was recorded"
        raise ValueError(f"{file} {what}; expected an MCAP, SQLite or ROS 1 bag")
    target = stem.with_suffix(suffix)
    if suffix == ".mcap" and not _has_end(source):
        _copy_whole_records(source, target)
        return target, True
    if suffix == ".db3" and _log_of(source).is_file():
        _copy_with_log(source, target)
    else:
        target.symlink_to(source)
    return target, False


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def _copy_with_log(file: Path, target: Path) -> None:
    """Copy a database and what its recorder, when it was killed, had in the write-ahead log only.

    rosbags does not look into the log, and a reader that does changes the original.
    """
    shutil.copyfile(file, target)
    shutil.copyfile(_log_of(file), _log_of(target))
    try:
        with closing(sqlite3.connect(target)) as database:
            database.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise ValueError(f"{file} and its log (-wal) do not fit: {error}") from error


def _unpack(file: Path, target: Path) -> None:
    zstd = _zstd()
    try:
        with zstd.open(file, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (zstd.ZstdError, EOFError) as error:
        raise ValueError(f"{file} is a compressed bag and damaged: {error}") from error


def _has_end(file: Path) -> bool:
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - len(MCAP_MAGIC)))
        return size > len(MCAP_MAGIC) and stream.read() == MCAP_MAGIC


def _copy_whole_records(file: Path, target: Path) -> None:
    """Rewrite an MCAP file without the record that it breaks off in, and with an end."""
    with file.open("rb") as source, target.open("wb") as copy:
        size = source.seek(0, os.SEEK_END)
        end = source.seek(len(MCAP_MAGIC))
        while head := source.read(_RECORD_HEAD):
            after = end + _RECORD_HEAD + int.from_bytes(head[1:], "little")
            # A power failure leaves zeros; the summary that follows the data counts on the rest.
            if head[0] in (0, _FOOTER_CODE, _DATA_END_CODE) or after > size:
                break
            end = source.seek(after)
        source.seek(0)
        while end > 0 and (block := source.read(min(end, 1 << 20))):
            copy.write(block)
            end -= len(block)
        copy.write(_FOOTER)


def _zstd() -> Any:
    """Return the module that `rosbags` depends on."""
    try:
        from compression import zstd
    except ImportError:  # before Python 3.14
        from backports import zstd
    return zstd
