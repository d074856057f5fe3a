# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled networks kept between starts, for all backends: whole, verified, and not too many.

A cache must never be worse than none. Whatever is wrong with it (no home, another user's folder or
file, a full disk, a damaged file) costs a warning and the time of compiling again, not a start or a
score.

A file holds a keyed digest of all the rest, what the network was compiled for, and its compiled
form. To load such a form is to run what is in it, so a library sees none that this user did not
write on this machine: the key lies beside the folders and is readable to the user alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import mmap
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, TypeVar

from psg_ros.files import remove_leftovers, replacing
from psg_ros.robot.runtime.cache_folder import make_cache_folder, open_private, read_key

logger = logging.getLogger(__name__)
CURE = "networks are compiled again at every start; set PSG_CACHE to a folder of your own"
DIGEST_BYTES = 32
LENGTH_BYTES = 4
LIMIT_BYTES = 4 << 30
"""All compiled networks of all backends together; what was not used for longest goes first."""

Network = TypeVar("Network")


@dataclass(frozen=True)
class CompiledFor:
    """All that a compiled network depends on; one that differs in anything is of no use.

    Attributes:
        artifact_sha256: of the ONNX file.
        backend, version: what compiled it, its driver included where it has one.
        device: the hardware in full, not only "cpu".
        precision: as in `Backend.precision`.
        options: whatever else the compiler was told.
        is_native: whether the compiled form is machine code. Then no group may write into its
            folder, not even the user's own.
    """

    artifact_sha256: str
    backend: str
    version: str
    device: str
    precision: str
    options: Mapping[str, object] = field(default_factory=dict)
    is_native: bool = False

    @property
    def file_name(self) -> str:
        """Name of the file; without the version, so that a new one takes the old one's place."""
        place = _digest("\n".join([self.device, self.precision, *self._options()]).encode()).hex()
        return f"{self.artifact_sha256[:16]}-{self.precision}-{place[:16]}.blob"

    @property
    def purpose(self) -> str:
        """Everything, as text: a line for each fact, in a fixed order."""
        device = " / ".join(self.device.splitlines())
        facts = {
            "network": self.artifact_sha256,
            "backend": self.backend,
            "version": self.version,
            "device": device,
            "precision": self.precision,
        }
        return "\n".join([*(f"{name}={fact}" for name, fact in facts.items()), *self._options()])

    def _options(self) -> list[str]:
        return [f"{name}={self.options[name]}" for name in sorted(self.options)]


def load_or_compile(
    wanted: CompiledFor,
    *,
    compile: Callable[[], Network],
    restore: Callable[[memoryview], Network],
    serialize: Callable[[Network], bytes | memoryview],
) -> Network:
    """Return what an earlier start compiled for the same, or compile it and keep it.

    What `compile` raises is passed on. What `restore` and `serialize` raise is a warning. Of
    several processes one compiles; the others wait, and load what it kept.
    """
    if (folder := cache_folder(wanted.backend, is_native=wanted.is_native)) is None:
        return compile()
    path = folder / wanted.file_name
    if (network := _restored(path, wanted, restore)) is not None:
        return network
    with _only_compiler(folder):
        if (network := _restored(path, wanted, restore)) is not None:
            return network
        return _compile_and_keep(path, wanted, compile, serialize)


def _restored(
    path: Path, wanted: CompiledFor, restore: Callable[[memoryview], Network]
) -> Network | None:
    if (kept := load(path, wanted.purpose, is_native=wanted.is_native)) is None:
        return None
    try:
        return restore(kept)
    except Exception as error:  # whatever a library raises, compiling again is the answer
        _warn(f"{path} cannot be used: {error}")
        return None


def _compile_and_keep(
    path: Path,
    wanted: CompiledFor,
    compile: Callable[[], Network],
    serialize: Callable[[Network], bytes | memoryview],
) -> Network:
    network = compile()
    try:
        content = serialize(network)
    except Exception as error:
        logger.warning("%s cannot be kept (%s): %s", path, error, CURE)
    else:
        store(path, wanted.purpose, content)
    return network


@contextmanager
def _only_compiler(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, which ends with the process at the latest; wait for another's."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("another process is compiling into %s: waiting for it", folder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks: then several may compile at once
            logger.info("%s cannot be locked: %s", folder, error)
        yield
    finally:
        os.close(descriptor)


def cache_folder(name: str, *, is_native: bool = False) -> Path | None:
    """Return `make_cache_folder`; None, with a warning, where there is none to be trusted."""
    try:
        return make_cache_folder(name, is_native=is_native)
    except (OSError, RuntimeError) as error:
        _warn(f"{_reason(error)}: {CURE}")
        return None


def load(path: Path, purpose: str, *, is_native: bool = False) -> memoryview | None:
    """Return a network that was stored for this very purpose, in memory of its own, or None.

    Damage, and a file that others own or could have written, is a warning. What another version
    compiled is said, and what differs.
    """
    try:
        with open_private(path, is_native=is_native) as file:
            digest, length = file.read(DIGEST_BYTES), file.read(LENGTH_BYTES)
            stored_for, network = file.read(int.from_bytes(length, "big")), _read_rest(file)
            os.utime(file.fileno())  # used now, see `_make_room`
        key = read_key(path.parent.parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        _warn(f"{_reason(error)}: the network is compiled again")
        return None
    if not hmac.compare_digest(digest, _signature(key, length, stored_for, network)):
        _warn(
            f"{path} is damaged, of another version of psg_ros, or not written by this user on "
            "this machine: the network is compiled again"
        )
        return None
    if stored_for != purpose.encode():
        logger.info("%s is compiled again: %s", path, difference(stored_for.decode(), purpose))
        return None
    return network


def _read_rest(file: BufferedReader) -> memoryview:
    """Return the rest of a file, in fresh pages that a library may use as they are.

    A bytearray would be cleared first, numpy waits for huge pages where memory is in pieces. The
    file itself is not mapped: what was verified must not change afterwards.
    """
    size = os.fstat(file.fileno()).st_size - file.tell()
    content = memoryview(mmap.mmap(-1, max(size, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    return content[: file.readinto(content[:size])]


def difference(old: str, new: str) -> str:
    """Return which facts of two purposes differ, as "version was 10.3, is 10.13"."""
    before, after = ([fact.partition("=") for fact in text.splitlines()] for text in (old, new))
    known = {name: value for name, _, value in before}
    changed = [
        f"{name} was {known.get(name, 'not given')}, is {value}"
        for name, _, value in after
        if known.get(name) != value
    ]
    return "; ".join(changed) or "something is missing now"


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
                _write(file, read_key(path.parent.parent), purpose.encode(), network)
        _make_room(path)
    except (OSError, ValueError) as error:
        # Of several networks, one warning: their own names are left out.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        _warn(f"nothing can be kept in {path.parent} ({reason}): {CURE}")


def _write(file: BinaryIO, key: bytes, purpose: bytes, network: bytes | memoryview) -> None:
    """Write a file whose content is on the disk before its name is."""
    parts = (len(purpose).to_bytes(LENGTH_BYTES, "big"), purpose, network)
    for part in (_signature(key, *parts), *parts):
        file.write(part)
    file.flush()
    os.fsync(file.fileno())


def _signature(key: bytes, *parts: bytes | memoryview) -> bytes:
    digest = hmac.new(key, digestmod="sha256")
    for part in parts:
        digest.update(part)
    return digest.digest()


def _make_room(newest: Path) -> None:
    """Remove networks of all backends until they fit into `LIMIT_BYTES`; the newest stays."""
    found = []
    for path in newest.parent.parent.glob("*/*.blob"):
        with suppress(FileNotFoundError):  # another process makes room, too
            facts = path.lstat()
            if path != newest and stat.S_ISREG(facts.st_mode):
                found.append((facts.st_mtime, facts.st_size, path))
    room = LIMIT_BYTES - newest.stat().st_size
    for _, size, path in sorted(found, reverse=True):
        room -= size
        if room < 0:
            path.unlink(missing_ok=True)


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
