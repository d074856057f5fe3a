# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled networks kept between starts, for all backends: whole, verified, and not too many.

A cache must never be worse than none. Whatever is wrong with it (no home, another user's folder or
file, a full disk, a damaged file) costs a warning and the time of compiling again, not a start or a
score.

A file holds the SHA-256 of what the network was compiled for, the SHA-256 of the compiled form, and
that form.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from psg_ros.files import remove_leftovers, replacing
from psg_ros.robot.runtime.cache_folder import make_cache_folder, open_private

logger = logging.getLogger(__name__)
CURE = "networks are compiled again at every start; set PSG_CACHE to a folder of your own"
DIGEST_BYTES = 32
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
    """

    artifact_sha256: str
    backend: str
    version: str
    device: str
    precision: str
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Name of the file; without the version, so that a new one takes the old one's place."""
        place = _digest("\n".join([self.device, self.precision, *self._options()]).encode()).hex()
        return f"{self.artifact_sha256[:16]}-{self.precision}-{place[:16]}.blob"

    @property
    def purpose(self) -> str:
        """Everything, as text."""
        facts = (self.artifact_sha256, self.backend, self.version, self.device, self.precision)
        return "\n".join([*facts, *self._options()])

    def _options(self) -> list[str]:
        return [f"{name}={self.options[name]}" for name in sorted(self.options)]


def load_or_compile(
    wanted: CompiledFor,
    *,
    compile: Callable[[], Network],
    restore: Callable[[bytes], Network],
    serialize: Callable[[Network], bytes | memoryview],
) -> Network:
    """Return what an earlier start compiled for the same, or compile it and keep it.

    What `compile` raises is passed on. What `restore` and `serialize` raise is a warning.
    """
    if (folder := cache_folder(wanted.backend)) is None:
        return compile()
    path = folder / wanted.file_name
    if (kept := load(path, wanted.purpose)) is not None:
        try:
            return restore(kept)
        except Exception as error:  # whatever a library raises, compiling again is the answer
            logger.warning("%s is of no use: %s", path, error)
    network = compile()
    try:
        content = serialize(network)
    except Exception as error:
        logger.warning("%s cannot be kept (%s): %s", path, error, CURE)
    else:
        store(path, wanted.purpose, content)
    return network


def cache_folder(name: str) -> Path | None:
    """Return `make_cache_folder`; None, with a warning, where there is none to be trusted."""
    try:
        return make_cache_folder(name)
    except (OSError, RuntimeError) as error:
        _warn(f"{_reason(error)}: {CURE}")
        return None


def load(path: Path, purpose: str) -> bytes | None:
    """Return a network that was stored for this very purpose, or None.

    Damage, and a file that others own or could have written, is a warning.
    """
    try:
        with open_private(path) as file:
            stored_for, digest = file.read(DIGEST_BYTES), file.read(DIGEST_BYTES)
            if stored_for != _digest(purpose.encode()):
                return None  # of another version of something
            network = file.read()
            os.utime(file.fileno())  # used now, see `_make_room`
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
        _make_room(path)
    except (OSError, ValueError) as error:
        # Of several networks, one warning: their own names are left out.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        _warn(f"nothing can be kept in {path.parent} ({reason}): {CURE}")


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
