# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Network and losses of stage 1 as one module: what DistributedDataParallel takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from psg_ros.network.segmenter import Predictions, Segmenter
from psg_ros.network.word_scores import word_scores
from psg_ros.training.config import SegmentationTraining
from psg_ros.training.losses import SegmentTargets, Totals, semantic_loss, set_loss


class SegmentationLosses(nn.Module):
    """The segmenter with a throw-away semantic head; its output are the weighted loss terms.

    Args:
        held_out: labels that no sample has. A class head that compares words is not asked about
            them: taught that they are never there, it would not know them by their words later. A
            closed list is, for it cannot know them anyhow.
    """

    def __init__(
        self, model: Segmenter, settings: SegmentationTraining, held_out: Sequence[int] = ()
    ) -> None:
        super().__init__()
        self.model, self.settings = model, settings
        self.unasked: list[int] = []
        if (scores := word_scores(model)) is not None:
            self.unasked = list(held_out)
            scores.taught = torch.tensor([i not in held_out for i in range(model.num_labels)])
        self.semantic_head: nn.Conv2d | None = None
        if settings.semantic_weight:
            self.semantic_head = nn.Conv2d(model.config.mask_width, model.num_labels, kernel_size=1)

    def forward(
        self,
        images: Tensor,
        targets: list[SegmentTargets],
        samples_seen: int,
        totals: Totals,
        generators: list[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the loss terms of a part of a batch.

        Args:
            images: uint8 or float [image, 3, h, w], RGB 0..255.
            samples_seen: of the run, before this step.
            totals: of the whole batch.
            generators: one an image, for all that is drawn at random.
        """
        step = LossStep(
            self.settings, samples_seen, generators, targets, totals, self.semantic_head,
            self.unasked,
        )  # fmt: skip
        with torch.autocast(
            images.device.type, torch.bfloat16, self.settings.precision == "bfloat16"
        ):
            return self.model.training_losses(images.float(), step)


@dataclass(frozen=True)
class LossStep:
    """The `psg_ros.network.segmenter.TrainingStep` of a part of a batch.

    Attributes:
        unasked: labels whose columns are no part of the class loss, nor of matching.
    """

    settings: SegmentationTraining
    samples_seen: int
    generators: list[torch.Generator]
    targets: list[SegmentTargets]
    totals: Totals
    semantic_head: nn.Conv2d | None
    unasked: Sequence[int] = ()

    def losses(
        self,
        predictions: Predictions,
        mask_features: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the set losses, averaged over all predictions, and the semantic loss."""
        cells = None
        if self.semantic_head is not None:
            if mask_features is None:
                raise RuntimeError("a segmenter with a mask_width must give its mask features")
            cells = self.semantic_head(mask_features)
        with torch.autocast(predictions[0][1].device.type, enabled=False):
            total = self._set_losses(predictions)
            if cells is not None:
                loss = semantic_loss(cells, self.targets, self.totals)
                total["semantic"] = self.settings.semantic_weight * loss
        return total

    def _set_losses(self, predictions: Predictions) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for class_logits, mask_logits in predictions:
            if class_logits is not None and self.unasked:
                columns = torch.tensor(self.unasked, device=class_logits.device)
                class_logits = class_logits.index_fill(-1, columns, -torch.inf)
            terms = set_loss(
                class_logits, mask_logits, self.targets, self.settings, self.totals, self.generators
            )
            for name, value in terms.items():
                total[name] = total.get(name, 0) + value / len(predictions)
        return total


def sample_generators(
    seed: int, first: int, count: int, device: torch.device | str
) -> list[torch.Generator]:
    """Return the random numbers of samples `first`, `first` + 1, ... of a run.

    They belong to the sample, not to the step or process: a resumed run draws the same ones, and
    so does a batch that is divided.
    """
    generators = []
    for number in range(first, first + count):
        # A plain sum of seed and number would give neighbouring seeds the same draws.
        mixed = np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0]
        generators.append(torch.Generator(device).manual_seed(int(mixed >> 1)))
    return generators
