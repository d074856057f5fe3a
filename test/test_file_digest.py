# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The SHA-256 of a file is that of its content now, and one at rest is read once."""

import hashlib

import pytest

from psg_ros import file_digest
from psg_ros.file_digest import AT_REST_NS, file_sha256


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"before")
    return path


@pytest.fixture
def reads(monkeypatch):
    """The files that were read."""
    read, real = [], file_digest._sha256
    monkeypatch.setattr(file_digest, "_sha256", lambda path: (read.append(path), real(path))[1])
    return read


def later(monkeypatch):
    now_ns = file_digest.time.time_ns() + 2 * AT_REST_NS
    monkeypatch.setattr(file_digest.time, "time_ns", lambda: now_ns)


def test_a_file_at_rest_is_read_once(file, reads, monkeypatch):
    later(monkeypatch)
    assert file_sha256(file) == file_sha256(file) == hashlib.sha256(b"before").hexdigest()
    assert reads == [file]


def test_a_file_that_may_still_change_is_read_each_time(file, reads):
    assert file_sha256(file) == file_sha256(file)
    assert reads == [file, file]


def test_a_file_that_changed_is_read_again(file, monkeypatch):
    later(monkeypatch)
    file_sha256(file)
    file.write_bytes(b"afterwards")
    assert file_sha256(file) == hashlib.sha256(b"afterwards").hexdigest()
