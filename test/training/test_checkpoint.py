# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints survive a kill at any moment, and reading one runs no code."""

import os
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from psg_ros.training.checkpoint import (
    load_into,
    load_state,
    load_weights,
    save_state,
    save_weights,
    weights_digest,
)

WEIGHTS = {"a": torch.arange(6.0).view(2, 3), "count": torch.tensor(3)}


def test_weights_come_back_as_they_were(tmp_path):
    transposed = {"a": WEIGHTS["a"].T.requires_grad_(), "count": WEIGHTS["count"]}
    save_weights(transposed, tmp_path / "new" / "w.safetensors")
    loaded = load_weights(tmp_path / "new" / "w.safetensors")
    assert loaded["a"].equal(WEIGHTS["a"].T) and loaded["count"] == 3


def test_state_comes_back_as_it_was(tmp_path):
    state = {
        "weights": WEIGHTS,
        "optimizer": {"groups": [{"lr": 0.5, "params": [0, 1]}]},
        "seen": 7,
    }
    save_state(state, tmp_path / "run.state")
    for mapped in (False, True):
        loaded = load_state(tmp_path / "run.state", mapped=mapped)
        assert loaded["weights"]["a"].equal(WEIGHTS["a"])
        assert (loaded["optimizer"], loaded["seen"]) == (state["optimizer"], 7)


@pytest.mark.parametrize(("module", "moment"), [(torch, "save"), (os, "replace")])
def test_a_kill_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch, module, moment):
    path = tmp_path / "run.state"
    save_state({"seen": 1}, path)

    def killed(*args):
        if moment == "save":
            Path(args[1]).write_bytes(b"half of a fi")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, moment, killed)
    with pytest.raises(KeyboardInterrupt):
        save_state({"seen": 2}, path)
    monkeypatch.undo()
    assert load_state(path) == {"seen": 1}
    assert list(tmp_path.iterdir()) == [path], "nothing half written may stay behind"


def test_a_kill_while_writing_leaves_the_old_weights(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    save_weights(WEIGHTS, path)

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        save_weights({"a": torch.zeros(1)}, path)
    assert load_weights(path)["a"].equal(WEIGHTS["a"])
    assert list(tmp_path.iterdir()) == [path]


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    torch.save({"seen": Trap(tmp_path / "sprung")}, tmp_path / "run.state")
    with pytest.raises(ValueError, match=r"run\.state is damaged or not a checkpoint"):
        load_state(tmp_path / "run.state")
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "run.state", weights_only=False)
    assert (tmp_path / "sprung").exists(), "the trap works"


@pytest.mark.parametrize("keep", [0, 10, 500, 3000])
def test_damaged_files_are_named(tmp_path, keep):
    state, weights = tmp_path / "run.state", tmp_path / "w.safetensors"
    save_state({"a": torch.zeros(1000)}, state)
    save_weights({"a": torch.zeros(1000)}, weights)
    mapped = partial(load_state, mapped=True)
    for path, load in ((state, load_state), (state, mapped), (weights, load_weights)):
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(ValueError, match=f"{path.name} is damaged"):
            load(path)


def test_missing_weights_say_what_writes_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="w.safetensors is missing; `psg train` writes it"):
        load_weights(tmp_path / "w.safetensors")


def test_weights_of_another_network_are_named_in_one_short_line(tmp_path):
    save_weights(nn.Linear(3, 2).state_dict(), tmp_path / "w.safetensors")
    module = nn.Linear(3, 2)
    load_into(module, tmp_path / "w.safetensors")
    assert module.weight.equal(load_weights(tmp_path / "w.safetensors")["weight"])
    for other in (nn.Linear(4, 2), nn.Sequential(*(nn.Linear(1, 1) for _ in range(100)))):
        with pytest.raises(
            ValueError, match=r"w\.safetensors is not a checkpoint of this net"
        ) as said:
            load_into(other, tmp_path / "w.safetensors")
        assert "\n" not in str(said.value) and len(str(said.value)) < 600


def test_a_digest_is_of_names_and_values():
    digest = weights_digest(WEIGHTS)
    assert weights_digest({name: value.clone() for name, value in WEIGHTS.items()}) == digest
    assert weights_digest({"b": WEIGHTS["a"], "count": WEIGHTS["count"]}) != digest
    assert weights_digest({**WEIGHTS, "count": torch.tensor(4)}) != digest
