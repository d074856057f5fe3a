# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every reader refuses damaged inputs in words; the watcher sees what would be worse.

A few inputs of each reader, the same every time. `run.py` beside this file reads thousands.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import child  # noqa: E402
from child import watch  # noqa: E402
from mutation import MUTATIONS, mutated  # noqa: E402

for package in ("av", "rosbags", "torch", "onnx", "PIL"):
    pytest.importorskip(package, reason="the inputs are made with it")

from targets import make_targets  # noqa: E402

NAMES = (
    "picture", "video", "bag", "model", "settings", "data_set", "checkpoint", "message",
    "serialized",
)  # fmt: skip


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    return make_targets(tmp_path_factory.mktemp("fuzz"))


def test_every_target_is_tested(targets):
    assert tuple(targets) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damaged_inputs_are_refused_in_words_or_read(targets, name, tmp_path):
    numbers = range(len(targets[name].samples), 40)
    assert watch(numbers, targets[name].reader(tmp_path), tmp_path) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("checkpoint", "message")])
def test_whole_inputs_are_read(targets, name, tmp_path):
    """Otherwise the damage would never get past the first check."""
    read = targets[name].reader(tmp_path)
    for number in range(len(targets[name].samples)):
        read(number)


def misbehave(number: int) -> None:
    """Do, for each number, another thing that no reader may do."""
    if number == 1:
        raise ValueError("a refusal")
    if number == 2:
        raise KeyError("not a refusal")
    if number == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 4:
        time.sleep(60)
    if number == 5:
        bytearray(300 << 20)
    if number == 6:
        os.write(2, b"x" * 5000)
    if number == 7:
        os._exit(3)


def test_the_watcher_sees_what_no_reader_may_do(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "MAX_SECONDS", 2.0)
    monkeypatch.setattr(child, "MAX_MIB", 200)
    complaints = {c.number: c.what for c in watch(range(9), misbehave, tmp_path)}
    assert sorted(complaints) == [2, 3, 4, 5, 6, 7], "0, 1 and 8 do nothing wrong"
    assert complaints[2].startswith("KeyError at test_fuzz.py:")
    assert complaints[3] == "ended the process with SIGSEGV"
    assert complaints[4] == "took more than 2 s"
    assert complaints[5].startswith("needed 30")
    assert complaints[6] == "printed 5000 bytes"
    assert complaints[7] == "ended the process with status 3"


def test_damage_is_the_same_for_the_same_number():
    content = bytes(range(256)) * 8
    assert [mutated(n, content) for n in range(50)] == [mutated(n, content) for n in range(50)]
    assert len({mutated(n, content) for n in range(200)}) > 150, "and mostly another for another"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@pytest.mark.parametrize("content", [b"", b"x", b"abc" * 500], ids=["empty", "one", "many"])
def test_every_kind_of_damage_takes_any_content(mutation, content):
    import random

    assert isinstance(mutation(random.Random(0), content), bytes)
