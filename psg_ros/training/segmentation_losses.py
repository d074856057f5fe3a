# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Network and losses of stage 1 as one module: what DistributedDataParallel takes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from psg_ros.modeling.segmenters.eomt import Eomt
from psg_ros.training.config import SegmentationTraining
from psg_ros.training.losses import SegmentTargets, Totals, semantic_loss, set_loss


class SegmentationLosses(nn.Module):
    """The segmenter with a throw-away semantic head; its output are the weighted loss terms."""

    def __init__(self, model: Eomt, settings: SegmentationTraining) -> None:
        super().__init__()
        self.model, self.settings = model, settings
        self.semantic_head: nn.Conv2d | None = None
        if settings.semantic_weight:
            num_labels = model.class_head.out_features - 1
            self.semantic_head = nn.Conv2d(model.config.dim, num_labels, kernel_size=1)

    def forward(
        self,
        images: Tensor,
        targets: list[SegmentTargets],
        gates: list[float],
        totals: Totals,
        generators: list[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the loss terms of a part of a batch, set losses averaged over all predictions.

        Args:
            images: uint8 or float [image, 3, h, w], RGB 0..255.
            gates: chance of masked attention in each query block.
            totals: of the whole batch.
            generators: one an image, for all that is drawn at random.
        """
        with torch.autocast(images.device.type, torch.bfloat16, self._reduced):
            predictions = self.model.forward_deep(
                images.float(), gates, self._draw(generators), self.settings.upscale_all
            )
            features = predictions[-1][2]
            cells = None if self.semantic_head is None else self.semantic_head(features)
        total: dict[str, Tensor] = {}
        for class_logits, mask_logits, _ in predictions:
            terms = set_loss(class_logits, mask_logits, targets, self.settings, totals, generators)
            for name, value in terms.items():
                total[name] = total.get(name, 0) + value / len(predictions)
        if cells is not None:
            loss = semantic_loss(cells, targets, totals)
            total["semantic"] = self.settings.semantic_weight * loss
        return total

    @property
    def _reduced(self) -> bool:
        return self.settings.precision == "bfloat16"

    def _draw(self, generators: list[torch.Generator]) -> Tensor:
        """Return uniform random numbers [block, image, query]; an image's are its generator's."""
        shape = (self.model.config.num_query_blocks, self.model.config.num_queries)
        drawn = [torch.rand(shape, generator=g, device=g.device) for g in generators]
        return torch.stack(drawn, dim=1)


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
