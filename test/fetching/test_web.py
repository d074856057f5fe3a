# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One file from a server: whole, resumed, or not at all."""

from __future__ import annotations

import errno
import random
import resource
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from psg_ros.fetching import web
from psg_ros.fetching.address import Address, GateError, MissingError, UnreachableError
from psg_ros.fetching.web import download

CONTENT = random.Random(0).randbytes(3 * web.BLOCK + 1000)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights.pt"


@pytest.fixture
def address(server) -> Address:
    server.files["/weights.pt"] = CONTENT
    return Address(f"{server.url}/weights.pt")


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path.is_file())


def test_a_file_arrives_whole(address, target):
    download(address, target)
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == ["weights.pt"]


def test_an_empty_file_arrives(server, address, target):
    server.files["/weights.pt"] = b""
    download(address, target)
    assert target.read_bytes() == b""


def test_a_cut_within_one_call_is_healed_from_where_it_was(server, address, target):
    server.cut_after = [web.BLOCK, 10, 0, 0]
    download(address, target)
    assert target.read_bytes() == CONTENT
    asked = ["", *[f"bytes={n}-" for n in (web.BLOCK, *[web.BLOCK + 10] * 3)]]
    assert server.downloads("/weights.pt") == asked


def cut(server, address, target, *sizes: int) -> None:
    """Let a download end with something kept."""
    server.cut_after = [*sizes, *[0] * web.ATTEMPTS]
    resumes = server.ranges and server.etags
    kept = "are kept, the same command goes on from there" if resumes else "no connection"
    with pytest.raises(UnreachableError, match=kept):
        download(address, target)
    assert not target.exists()
    server.cut_after, server.requests = [], []


def test_the_next_call_goes_on_where_the_last_was_cut(server, address, target):
    cut(server, address, target, 1000)
    assert leftovers(target) == ["weights.pt.part", "weights.pt.part.from"]
    download(address, target)
    assert target.read_bytes() == CONTENT
    assert server.downloads("/weights.pt") == ["bytes=1000-"]
    assert leftovers(target) == ["weights.pt"]


@pytest.mark.parametrize("heeds_conditions", [True, False])
def test_another_version_by_now_starts_anew(heeds_conditions, server, address, target):
    """Servers that know ranges but no If-Range give the rest of the other version."""
    server.conditions = heeds_conditions
    cut(server, address, target, 1000)
    server.files["/weights.pt"] = other = bytes(reversed(CONTENT))
    download(address, target)
    assert target.read_bytes() == other


@pytest.mark.parametrize("lacking", ["ranges", "etags"])
def test_a_server_that_cannot_resume_gives_all_of_it_again(lacking, server, address, target):
    setattr(server, lacking, False)
    cut(server, address, target, 1000)
    download(address, target)
    assert target.read_bytes() == CONTENT


def test_more_than_the_file_has_starts_anew(server, address, target):
    cut(server, address, target, 1000)
    target.with_name("weights.pt.part").write_bytes(CONTENT + b"more")
    download(address, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, GateError), (403, GateError), (404, MissingError), (410, MissingError),
     (500, UnreachableError), (503, UnreachableError)],
)  # fmt: skip
def test_a_refusal_says_whose_it_is(status, error, server, address, target):
    server.statuses["/weights.pt"] = (status, {})
    with pytest.raises(error, match=f"127.0.0.1.*{status}"):
        download(address, target)
    assert leftovers(target) == []


def test_no_server_is_told_at_once(target):
    with pytest.raises(UnreachableError, match="no connection to 127.0.0.1:9 .*refused"):
        download(Address("http://127.0.0.1:9/weights.pt"), target)
    assert leftovers(target) == []


def test_a_token_is_not_passed_on_to_another_address(server, address, target):
    server.statuses["/moved"] = (302, {"Location": address.url})
    download(Address(f"{server.url}/moved", {"authorization": "Bearer secret"}), target)
    assert [found[3] for found in server.requests] == ["Bearer secret", ""]


def test_a_disk_that_is_too_small_is_told_before_the_download(address, target, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"has 0.0 MB free, and 0.8 MB are to come"):
        download(address, target)
    assert leftovers(target) == []


def test_a_disk_that_fills_up_keeps_what_has_come(server, address, target):
    """A limit on the size of files is met in the same place as the end of a disk."""
    limit = web.BLOCK + 500
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError, match=r"are kept there: make room.*same command") as told:
            download(address, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert told.value.__cause__.errno == errno.EFBIG
    assert not target.exists()
    download(address, target)
    assert target.read_bytes() == CONTENT
    assert server.downloads("/weights.pt")[-1] == f"bytes={limit}-"


def test_an_interrupted_download_leaves_no_whole_file(server, address, target, monkeypatch):
    class Interrupt:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, _):
            raise KeyboardInterrupt

    monkeypatch.setattr(web, "tqdm", Interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(address, target)
    monkeypatch.undo()
    assert not target.exists()
    download(address, target)
    assert target.read_bytes() == CONTENT
    assert server.downloads("/weights.pt")[-1] == f"bytes={web.BLOCK}-"
