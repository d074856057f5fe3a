# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stage 2 minimises: classification of both directions, in both orders, and swap consistency.

Source: DSFlash (CVPR 2026), its training of the bidirectional head; `split: none` is DSFormer's,
every order of a pair on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from psg_ros.modeling.dsflash import RelationStage
from psg_ros.modeling.packed_neck import packed_pair_vectors
from psg_ros.modeling.segmenters.eomt import Eomt
from psg_ros.training.config import RelationTraining
from psg_ros.training.losses import consistency_loss
from psg_ros.training.relation_pairs import PairBatch

FORWARD, BACKWARD = 0, 1


class RelationLosses(nn.Module):
    """The trained modules with their losses behind: what DistributedDataParallel wraps.

    Args:
        weights: float32 [1 + predicate]; of positives, see `positive_weights`.
        segmenter: where it is trained along; then features are pictures.
    """

    weights: Tensor

    def __init__(
        self,
        stage: RelationStage,
        settings: RelationTraining,
        weights: Tensor,
        segmenter: Eomt | None = None,
    ) -> None:
        super().__init__()
        self.stage, self.settings, self.segmenter = stage, settings, segmenter
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return the terms «bce» and, where there is one, «consistency», not weighted yet."""
        cells = self.stage.tap_embedding(self.taps(batch.features))
        if self.stage.head.bidirectional and not self.settings.swap_training:
            halves = self.stage.head.split(self.vectors(cells, batch))
            return {"bce": self.classification(halves, (FORWARD, BACKWARD), batch)[1]}
        both = self.vectors(cells, batch, swapped=True).chunk(2)
        if not self.stage.head.bidirectional:
            return {"bce": self.classification(both, (FORWARD, BACKWARD), batch)[1]}
        parts = (*self.stage.head.split(both[0]), *self.stage.head.split(both[1]))
        directions = (FORWARD, BACKWARD, BACKWARD, FORWARD)
        hidden, bce = self.classification(parts, directions, batch)
        compared = hidden if self.settings.consistency_target == "hidden" else parts
        first, swapped = (compared[0], compared[1]), (compared[2], compared[3])
        return {"bce": bce, "consistency": consistency_loss(first, swapped, batch.totals[2])}

    def taps(self, features: Tensor) -> list[Tensor]:
        """Return one [image, patch, dim] per tap."""
        if self.segmenter is None:
            return tap_list(features, self.settings.precision)
        _, _, taps = self.segmenter(features.float())
        return taps

    def vectors(self, cells: Tensor, batch: PairBatch, *, swapped: bool = False) -> Tensor:
        """Return the vector of every pair, [pair, dim]; behind them those of the swapped pairs."""
        image, overlap, boxes = batch.image, batch.overlap, batch.boxes
        if swapped:
            image = image.repeat(2)
            overlap, boxes = (torch.cat((facts, facts.flip(1))) for facts in (overlap, boxes))
        return pair_vectors(self.stage, cells, image, overlap, boxes)

    def classification(
        self, parts: tuple[Tensor, ...], directions: tuple[int, ...], batch: PairBatch
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the hidden layers [pair, hidden] of parts and the sum of their mean losses."""
        *layers, last = self.stage.head.mlp
        hidden = nn.Sequential(*layers)(torch.cat(parts))
        loss = functional.binary_cross_entropy_with_logits(
            last(hidden).float(),
            torch.cat([batch.targets[:, direction] for direction in directions]),
            pos_weight=self.weights,
            reduction="none",
        )
        # A direction that is not learned from counts neither here nor in the totals.
        shares = [batch.learned[:, way] / batch.totals[way] for way in directions]
        return hidden.chunk(len(parts)), (loss.mean(dim=1) * torch.cat(shares)).sum()


def tap_list(features: Tensor, precision: str) -> list[Tensor]:
    """Return one [image, patch, dim] per tap of [image, tap, patch, dim], as a pass takes them."""
    return list((features.float() if precision == "float32" else features).unbind(1))


def pair_vectors(
    stage: RelationStage, cells: Tensor, image: Tensor, overlap: Tensor, boxes: Tensor
) -> Tensor:
    """Return the class token [pair, dim] of pairs of several images.

    Args:
        cells: [image, cell, dim], from the tap embedding.
        image: int64 [pair]; which image each pair is of.
        overlap: float32 [pair, 2, cell]; boxes: float32 [pair, 2, 4].
    """
    subject, other = overlap.unbind(1)
    # Without pairs only the dense neck keeps its parameters in the graph, which ranks wait for.
    if stage.prune and len(image):
        return packed_pair_vectors(stage, cells, image, subject, other, boxes.flatten(1))
    return stage.pair_vectors(cells[image], subject, other, boxes.flatten(1))


@contextmanager
def fast_attention(device: str, precision: str) -> Iterator[None]:
    """Choose the kernel of attention where torch's own choice is slow.

    On CPUs torch's fused attention in bfloat16 takes five to ten times as long backwards as plain
    matrix products do, for the short sequences of the neck; not in float32, and not on GPUs.
    """
    if torch.device(device).type != "cpu" or precision == "float32":
        yield
        return
    # Despite its name the setting acts on CPUs, too: no detour over float32.
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)
