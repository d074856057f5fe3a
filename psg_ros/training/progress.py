# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far the two stages of a run are: weights appear at the first checkpoint, not at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psg_ros.training.checkpoint import load_state, taking_over
from psg_ros.training.config import RelationTraining, SegmentationTraining, TrainConfig
from psg_ros.training.history import open_history
from psg_ros.training.segmenter.segmentation_run import STATE, num_samples


@dataclass(frozen=True)
class Progress:
    """What of a stage is done, in samples or epochs; the last batch may carry it above `total`."""

    stage: str
    done: int
    total: int
    unit: str

    @property
    def is_finished(self) -> bool:
        return self.done >= self.total

    def __str__(self) -> str:
        return f"{self.stage}: {self.done} of {self.total} {self.unit}"


def segmenter_progress(folder: Path, settings: SegmentationTraining) -> Progress | None:
    """Return what the state of stage 1 says; None without one, as beside converted weights.

    Raises:
        ValueError: a damaged state.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    state = load_state(path, mapped=True)
    with taking_over(path):
        return Progress("segmenter", state["samples_seen"], num_samples(settings), "samples")


def relation_progress(folder: Path, settings: RelationTraining) -> Progress | None:
    """Return the epochs that stage 2 has recorded; None without a record.

    Weights are written at the end of an epoch, together with its row of the record.
    """
    rows = open_history(folder, "relations").rows()
    if not rows:
        return None
    return Progress("relations", rows[-1]["epoch"], settings.epochs, "epochs")


def unfinished_stages(folder: Path, config: TrainConfig) -> list[Progress]:
    """Return the stages of a run that are known not to be finished.

    Raises:
        ValueError: a damaged state.
    """
    found = (
        segmenter_progress(folder, config.segmentation),
        relation_progress(folder, config.relations),
    )
    return [progress for progress in found if progress and not progress.is_finished]
