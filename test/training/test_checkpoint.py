# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints survive a kill at any moment, and reading one runs no code."""

import os
from pathlib import Path

import pytest
import torch

from psg_ros.training.checkpoint import load_state, load_weights, save_state, save_weights

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
    loaded = load_state(tmp_path / "run.state")
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
    with pytest.raises(ValueError, match=r"run\.state is damaged or no checkpoint"):
        load_state(tmp_path / "run.state")
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "run.state", weights_only=False)
    assert (tmp_path / "sprung").exists(), "the trap works"


@pytest.mark.parametrize("keep", [0, 10, 500, 3000])
def test_damaged_files_are_named(tmp_path, keep):
    state, weights = tmp_path / "run.state", tmp_path / "w.safetensors"
    save_state({"a": torch.zeros(1000)}, state)
    save_weights({"a": torch.zeros(1000)}, weights)
    for path, load in ((state, load_state), (weights, load_weights)):
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(ValueError, match=f"{path.name} is damaged"):
            load(path)


def test_missing_weights_say_what_writes_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="w.safetensors is missing; `psg train` writes it"):
        load_weights(tmp_path / "w.safetensors")
