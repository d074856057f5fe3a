# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several processes that `torchrun` starts learn what one would learn."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn
from training_process import keep_statistics, normed_as_after_training, train_as_ranks

from psg_ros.training import train
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.distributed import Ranks, is_main_process, join_ranks, without_averaging
from psg_ros.training.history import History
from psg_ros.training.segmenter import segmentation
from psg_ros.training.segmenter.segmentation_run import STATE, WEIGHTS

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "test" / "training_process.py"
LEAVING = ROOT / "test" / "leaving_ranks.py"
SETTINGS = {
    "phases": [{"input_hw": [64, 64], "samples": 20}],
    "batch_size": 4,
    "precision": "float32",
    "keep_in_memory": True,
    "points": 64,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tiny_network", "accumulate"),
    [("eomt", 1), ("eomt", 2), ("pro_scale", 2), ("yoso", 2)],
    indirect=["tiny_network"],
)
def test_two_processes_learn_what_one_learns(write_config, tiny_share, monkeypatch, accumulate):
    monkeypatch.setattr(segmentation, "REPORT_EVERY", 1)
    monkeypatch.setattr(nn.BatchNorm2d, "forward", normed_as_after_training)
    one = write_config("one", segmentation={**SETTINGS})
    two = write_config("two", segmentation={**SETTINGS, "accumulate": accumulate})
    train.run(one, stage="segmentation")
    ranks = train_as_ranks(two, tiny_share, "segmentation", prepare=keep_statistics)
    assert ranks == [0, 0]
    folders = [Path(yaml.safe_load(config.read_text())["out"]) for config in (one, two)]
    rows = [History(folder / "segmentation.jsonl").rows() for folder in folders]
    assert [row["samples"] for row in rows[1]] == [4, 8, 12, 16, 20], "one rank reports"
    for alone, shared in zip(*rows, strict=True):
        for name in ("class", "mask", "dice", "semantic"):
            assert shared[name] == pytest.approx(alone[name], abs=1.5e-4), "rounded to 1e-4"
    weights = [load_weights(folder / WEIGHTS) for folder in folders]
    for name, value in weights[0].items():
        if name.endswith("k_proj.bias"):
            continue  # the softmax takes it away, so that its gradient is nothing but rounding
        torch.testing.assert_close(weights[1][name], value, atol=1e-4, rtol=1e-4)
    assert {path.name for path in folders[1].iterdir()} == {
        WEIGHTS, STATE, "segmentation.jsonl", "segmentation.png", "train.yaml",
    }  # fmt: skip


@pytest.mark.slow
def test_all_ranks_learn_relations_on_the_same_features(write_config, tiny_share):
    config = write_config(relations={"epochs": 1, "images_per_step": 4})
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [sys.executable, *torchrun, str(PROGRAM), str(tiny_share), str(config)],
        cwd=config.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (load_weights(config.with_name(f"{rank}.safetensors")) for rank in (0, 1))
    written = load_weights(Path(yaml.safe_load(config.read_text())["out"]) / WEIGHTS)
    assert any("running_mean" in name for name in written), "a stem with batch statistics"
    for name, value in written.items():
        assert first[name].equal(value) and second[name].equal(value), name
    assert first["features"].equal(second["features"])


@pytest.mark.parametrize(("ending", "said"), [("ends", "done"), ("fails", "a loss is not finite")])
def test_ranks_leave_no_thread_that_outlives_the_interpreter(ending, said):
    """It would abort the process, and `torchrun` would end the other ranks."""
    done = subprocess.run(
        [sys.executable, str(LEAVING), ending],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.splitlines() == [f"{said}, ['python']"] * 2 + ["[0, 0]"], done.stderr


def test_alone_without_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_ranks("cpu") as ranks:
        assert ranks == Ranks("cpu", 0, 1) and ranks.is_main
        assert ranks.part(5) == slice(0, 5)
        assert ranks.sum({"a": 2.0}) == ranks.mean({"a": 2.0}) == {"a": 2.0}
        module = nn.Linear(1, 1)
        assert ranks.wrap(module) is module
        ranks.equalize(module)
        with without_averaging(module):
            ranks.barrier()


def test_parts_of_the_ranks_make_the_whole():
    parts = [list(range(12))[Ranks("cpu", rank, 3).part(12)] for rank in range(3)]
    assert sum(parts, []) == list(range(12)) and {len(part) for part in parts} == {4}
    with pytest.raises(ValueError, match="a batch of 10 cannot be shared evenly by 3 processes"):
        Ranks("cpu", 0, 3).part(10)


def test_several_ranks_are_not_put_on_one_gpu(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(ValueError, match="2 processes cannot share cuda:1; give --device cuda"),
        join_ranks("cuda:1"),
    ):
        pass


@pytest.mark.parametrize(("rank", "speaks"), [(None, True), ("0", True), ("3", False)])
def test_one_process_speaks(monkeypatch, rank, speaks):
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    assert is_main_process() == speaks
