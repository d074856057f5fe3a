# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The SHA-256 of files. A start needs that of a network twice: is it whole, and is it compiled?"""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from pathlib import Path

AT_REST_NS = 1_000_000_000
"""A file that changed more recently may change again without another time stamp."""


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text; a process reads one at rest once."""
    found = path.stat()
    changed_ns = max(found.st_mtime_ns, found.st_ctime_ns)
    if time.time_ns() - changed_ns < AT_REST_NS:
        return _sha256(path)
    return _sha256_at_rest(path, (found.st_dev, found.st_ino, found.st_size, changed_ns))


@lru_cache(maxsize=64)
def _sha256_at_rest(path: Path, facts: tuple[int, ...]) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
