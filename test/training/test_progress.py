# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a run is, as its files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from psg_ros.training.checkpoint import save_state
from psg_ros.training.config import Phase, RelationTraining, SegmentationTraining, TrainConfig
from psg_ros.training.history import open_history
from psg_ros.training.progress import relation_progress, segmenter_progress, unfinished_stages
from psg_ros.training.segmenter.segmentation_run import STATE

PHASES = SegmentationTraining(phases=(Phase((16, 32), 6), Phase((32, 48), 6)))
CONFIG = TrainConfig("m", "l", "d", "o", segmentation=PHASES, relations=RelationTraining(epochs=3))


def write_run(folder: Path, samples: int, epochs: int) -> Path:
    """Write what the two stages leave behind of how far they are."""
    save_state({"samples_seen": samples}, folder / STATE)
    for epoch in range(epochs):
        open_history(folder, "relations").add(epoch=epoch + 1, bce=0.5)
    return folder


@pytest.mark.parametrize(
    ("samples", "epochs", "told"),
    [
        (4, 0, ["segmenter: 4 of 12 samples"]),
        (4, 3, ["segmenter: 4 of 12 samples"]),
        (12, 2, ["relations: 2 of 3 epochs"]),
        (0, 1, ["segmenter: 0 of 12 samples", "relations: 1 of 3 epochs"]),
        (13, 3, []),
    ],
)
def test_what_is_not_finished_is_told_with_its_numbers(tmp_path, samples, epochs, told):
    folder = write_run(tmp_path, samples, epochs)
    assert [str(progress) for progress in unfinished_stages(folder, CONFIG)] == told


def test_of_weights_alone_nothing_is_known(tmp_path):
    assert segmenter_progress(tmp_path, CONFIG.segmentation) is None
    assert relation_progress(tmp_path, CONFIG.relations) is None
    assert unfinished_stages(tmp_path, CONFIG) == []


@pytest.mark.parametrize("content", [{}, {"samples": 4}])
def test_a_state_of_something_else_is_named(tmp_path, content):
    save_state(content, tmp_path / STATE)
    with pytest.raises(ValueError, match=r"segmenter\.state is not a checkpoint"):
        unfinished_stages(tmp_path, CONFIG)
