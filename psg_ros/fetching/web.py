# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One file from one address, with a bar; a download that was cut goes on where it ended.

What has come lies in NAME.part. NAME.part.from names the version of the file that it is of: without
such a mark, or when the server has another version by now, a download starts over.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from psg_ros import __version__
from psg_ros.fetching.address import Address, GateError, MissingError, UnreachableError

BLOCK = 1 << 18
TIMEOUT_S = 30.0
ATTEMPTS = 4
"""How often a connection that has worked may break without a single new byte."""
PAUSE_S = 1.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
BROKEN = (
    urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError,
)  # fmt: skip


class _StartOverError(Exception):
    """What has come is of another version; or as much as the file has, or more: is it right?"""


def download(address: Address, target: Path) -> None:
    """Fetch a file; `target` appears when all of it is there.

    Raises:
        UnreachableError: no connection, or one that breaks again and again; what has come is kept.
        GateError, MissingError: the server refuses, or has no such file.
        OSError: the disk is full; what has come is kept.
    """
    part, failures, works = target.with_name(f"{target.name}.part"), 0, False
    while True:
        before = _size(part)
        try:
            _fetch(address, part)
            break
        except _StartOverError:
            part.unlink()
            continue
        except BROKEN as error:
            has_grown = _size(part) > before
            works, failures = works or has_grown, 1 if has_grown else failures + 1
            if not works or failures >= ATTEMPTS:
                raise UnreachableError(_broken(address, part, error)) from error
        time.sleep(PAUSE_S * failures)
    _mark(part).unlink(missing_ok=True)
    os.replace(part, target)


def discard(target: Path) -> None:
    """Remove a file and what a download of it has left."""
    part = target.with_name(f"{target.name}.part")
    for path in (target, part, _mark(part)):
        path.unlink(missing_ok=True)


def _fetch(address: Address, part: Path) -> None:
    """Add to `part` what is missing.

    Raises:
        OSError: as `download`; one of `BROKEN`: the connection broke.
    """
    mark, have = _mark(part), _size(part)
    version = mark.read_text(encoding="utf-8") if have and mark.is_file() else ""
    headers = dict(address.headers)
    if version:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}
    with _opened(address, headers) as response:
        start = _start(response) if version else 0
        if start and _version(response) not in ("", version):  # it does not know If-Range
            raise _StartOverError
        if start not in (0, have):
            raise http.client.HTTPException(f"asked for byte {have}, got {start}")
        total = _total(response, start)
        _check_space(part, total - start if total is not None else 0)
        if not start:
            with _full_disk_told(part):
                part.write_bytes(b"")
                mark.write_text(_version(response), encoding="utf-8")
        _append(response, part, start, total)
    if total is not None and _size(part) != total:
        raise http.client.IncompleteRead(b"", total - _size(part))


@contextmanager
def _opened(address: Address, headers: dict[str, str]) -> Iterator[Any]:
    request = urllib.request.Request(address.url, headers={"User-Agent": f"psg_ros/{__version__}"})
    for name, value in headers.items():
        # Range has to follow a redirection, a token must not.
        add = request.add_unredirected_header if name == "authorization" else request.add_header
        add(name, value)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            if address.url.startswith("https:") and not response.url.startswith("https:"):
                raise PermissionError(f"{address.url} leads to {response.url}, which is not https")
            yield response
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and "Range" in headers:
            raise _StartOverError from error
        raise _refusal(address, error) from error


def _refusal(address: Address, error: urllib.error.HTTPError) -> OSError:
    if error.code in (401, 403):
        return GateError(f"{address.host} refuses {address.url} ({error.code} {error.reason})")
    if error.code in (404, 410):
        return MissingError(f"{address.url} is not there ({error.code} {error.reason})")
    return UnreachableError(f"{address.host} answers {error.code} {error.reason}")


def _append(response: Any, part: Path, start: int, total: int | None) -> None:
    name = part.name.removesuffix(".part")
    bar = tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True, disable=None)
    with bar, part.open("ab") as file:
        while block := response.read(BLOCK):
            with _full_disk_told(part):
                file.write(block)
                file.flush()  # so that a full disk is met here
            bar.update(len(block))


@contextmanager
def _full_disk_told(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise OSError(
            f"{error.strerror} in {part.parent}; {_megabytes(_size(part))} are kept there: make "
            "room, or name another folder with PSG_MODELS, and run the same command again"
        ) from error


def _check_space(part: Path, wanted: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if wanted > free:
        raise OSError(
            f"{part.parent} has {_megabytes(free)} free, and {_megabytes(wanted)} are to come; "
            "make room, or name another folder with PSG_MODELS"
        )


def _start(response: Any) -> int:
    """Return the first byte of the answer to a request for the rest of a file."""
    if response.status != http.client.PARTIAL_CONTENT:
        return 0  # another version by now, or a server that knows no ranges
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def _total(response: Any, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() else None


def _version(response: Any) -> str:
    """Return what names this version of the file and no other; empty: nothing does."""
    etag = response.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag


def _mark(part: Path) -> Path:
    return part.with_name(f"{part.name}.from")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _broken(address: Address, part: Path, error: Exception) -> str:
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    kept = _size(part)
    more = f"; {_megabytes(kept)} are kept, the same command goes on from there" if kept else ""
    return f"no connection to {address.host} ({reason}){more}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
