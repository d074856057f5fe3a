# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 as a whole: what it leaves behind, and that a kill costs nothing but time."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from psg_ros.config import load_config
from psg_ros.data.psg import load_psg
from psg_ros.modeling.config import SegmenterConfig
from psg_ros.training import segmentation, train
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.config import Phase, SegmentationTraining, TrainConfig
from psg_ros.training.history import History
from psg_ros.training.segmentation_run import STATE, WEIGHTS, SegmentationRun


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr(segmentation, "REPORT_EVERY", 1)


def train_segmenter(config_path: Path, *, resume: bool = False) -> tuple[torch.nn.Module, Path]:
    """Run stage 1 as a new process would; returns the model and the run folder."""
    config = load_config(TrainConfig, config_path)
    torch.manual_seed(config.seed)
    vocabulary = train.vocabulary_of(config)
    model = train.build_model(config, vocabulary).segmenter
    dataset = load_psg(Path(config.data), vocabulary, "train")
    segmentation.train_segmenter(model, dataset, config, resume=resume, device="cpu")
    return model, Path(config.out)


def test_a_run_leaves_averaged_weights_a_checkpoint_and_curves(write_config):
    model, folder = train_segmenter(write_config())
    assert {path.name for path in folder.iterdir()} == {
        WEIGHTS, STATE, "segmentation.jsonl", "segmentation.png",
    }  # fmt: skip
    weights = load_weights(folder / WEIGHTS)
    for name, value in model.state_dict().items():
        assert value.equal(weights[name]), "the model holds what was written"
    rows = History(folder / "segmentation.jsonl").rows()
    assert [row["samples"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert all(math.isfinite(row["dice"]) for row in rows)


def test_every_phase_has_its_own_picture_size(write_config, monkeypatch):
    sizes, real = [], SegmentationRun.step

    def step(self, images, targets):
        sizes.append((tuple(images.shape[2:]), tuple(targets[0].masks.shape[1:])))
        return real(self, images, targets)

    monkeypatch.setattr(SegmentationRun, "step", step)
    train_segmenter(write_config())
    assert sizes == [((16, 32), (4, 8))] * 3 + [((32, 48), (8, 12))] * 3


@pytest.mark.parametrize("killed_at", [2, 3, 5])
def test_a_killed_and_resumed_run_ends_like_one_that_was_left_alone(
    write_config, monkeypatch, killed_at
):
    whole_model, whole_folder = train_segmenter(write_config("whole"))
    config, real = write_config("killed", minutes_between_checkpoints=0.0), SegmentationRun.step

    def step(self, images, targets):
        if self.samples_seen == 2 * killed_at:
            raise KeyboardInterrupt
        return real(self, images, targets)

    monkeypatch.setattr(SegmentationRun, "step", step)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(config)
    monkeypatch.setattr(SegmentationRun, "step", real)
    model, folder = train_segmenter(config, resume=True)
    for name, value in whole_model.state_dict().items():
        assert value.equal(model.state_dict()[name]), name
    rows = [History(f / "segmentation.jsonl").rows() for f in (whole_folder, folder)]
    assert rows[0] == rows[1]


def test_what_was_done_after_the_last_checkpoint_is_done_and_reported_again(
    write_config, monkeypatch
):
    config, real = write_config(minutes_between_checkpoints=1e9), SegmentationRun.step

    def step(self, images, targets):
        if self.samples_seen == 6:
            raise KeyboardInterrupt
        losses = real(self, images, targets)
        if self.samples_seen == 2:
            self.save(Path(self.config.out))
        return losses

    monkeypatch.setattr(SegmentationRun, "step", step)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(config)
    monkeypatch.setattr(SegmentationRun, "step", real)
    _, folder = train_segmenter(config, resume=True)
    rows = History(folder / "segmentation.jsonl").rows()
    assert [row["samples"] for row in rows] == [2, 4, 6, 8, 10, 12]


def test_resuming_a_finished_run_changes_nothing_and_reads_no_pictures(write_config, monkeypatch):
    config = write_config()
    model, folder = train_segmenter(config)
    monkeypatch.setattr(segmentation, "load_samples", None)
    again, _ = train_segmenter(config, resume=True)
    assert again.class_head.weight.equal(model.class_head.weight)
    assert len(History(folder / "segmentation.jsonl").rows()) == 6


def test_other_seeds_give_other_networks(write_config):
    first, second = (train_segmenter(write_config(f"s{s}", seed=s))[0] for s in (1, 2))
    assert not first.class_head.weight.equal(second.class_head.weight)


WORKING = SegmentationTraining(phases=(Phase((32, 48), 10),), batch_size=4)
NETWORK = SegmenterConfig(input_hw=(64, 96), position="rope")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phases": ()}, "segmentation.phases has no samples"),
        ({"phases": (Phase((32, 48), 0),)}, "segmentation.phases has no samples"),
        ({"phases": (Phase((32, 50), 9),)}, r"input_hw \(32, 50\) .* multiples of 16 px"),
        ({"batch_size": 6}, "batch_size 6 exceeds the 5 images"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, said):
    segmentation.check_settings(WORKING, NETWORK, 5)
    with pytest.raises(ValueError, match=said):
        segmentation.check_settings(replace(WORKING, **changes), NETWORK, 5)


def test_learned_positions_need_the_size_they_were_made_for():
    network = replace(NETWORK, position="learned")
    with pytest.raises(ValueError, match=r"\(32, 48\) .* must be the network's \(64, 96\)"):
        segmentation.check_settings(WORKING, network, 5)
    fits = replace(WORKING, phases=(Phase((64, 96), 10),))
    segmentation.check_settings(fits, network, 5)
