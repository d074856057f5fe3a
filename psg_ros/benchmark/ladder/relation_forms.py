# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ways to score pairs that the ladder compares; all take the same arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from psg_ros.benchmark.ladder.dsformer import DsFormer
from psg_ros.benchmark.ladder.steps import Step
from psg_ros.network import packed_neck
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.export import PrunedRelationGraph
from psg_ros.network.mask_embedding import kept_cells


@dataclass(frozen=True)
class Pairs:
    """Input of the relation network for one image.

    Attributes:
        pairs: int32 [pair, 2] segment indices; ordered or unordered, as the form takes them.
        subject_overlap, object_overlap: float [pair, cell], 0..1.
        boxes: float [pair, 8], xyxy of subject then object in -1..1.
        labels: int64 [pair, 2], of subject and object.
    """

    pairs: np.ndarray
    subject_overlap: Tensor
    object_overlap: Tensor
    boxes: Tensor
    labels: Tensor


def ordered_pairs(num_segments: int) -> np.ndarray:
    """Return all N(N-1) ordered pairs as int32 [pair, 2]."""
    first, second = np.nonzero(~np.eye(num_segments, dtype=bool))
    return np.stack([first, second], axis=1).astype(np.int32)


def score_pairs(
    step: Step, relations: RelationStage | DsFormer, patch_tokens: Tensor, pairs: Pairs
) -> Tensor:
    """Return the logits of all directed pairs, float [directed pair, column].

    Forms that answer both directions give all forward rows, then all backward rows.

    Args:
        patch_tokens: of one image, float [1, cell, dim].
    """
    if isinstance(relations, DsFormer):
        overlap = (pairs.subject_overlap, pairs.object_overlap)
        return relations(patch_tokens, *overlap, pairs.boxes, pairs.labels)
    if not step.bidirectional:
        arguments = (patch_tokens, pairs.subject_overlap, pairs.object_overlap, pairs.boxes)
        return relations.head.mlp(relations.pair_vectors(*arguments))
    return torch.cat(BIDIRECTIONAL[step.prune](relations, patch_tokens, pairs))


def dense(stage: RelationStage, patch_tokens: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Run every cell of every pair; a stage that prunes masks cells out."""
    return stage(patch_tokens, pairs.subject_overlap, pairs.object_overlap, pairs.boxes)


def gathered(stage: RelationStage, patch_tokens: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Gather the kept cells of every pair, all padded to the longest; padding is masked."""
    keep = kept_cells(pairs.subject_overlap, pairs.object_overlap)
    width = int(keep.sum(dim=1).max())
    # Kept cells first, in their order: a stable sort of False before True.
    cells = (~keep).to(torch.uint8).argsort(dim=1, stable=True)[:, :width]
    subject, other = (
        overlap.gather(1, cells) for overlap in (pairs.subject_overlap, pairs.object_overlap)
    )
    return PrunedRelationGraph(stage)(patch_tokens, cells, subject, other, pairs.boxes)


def packed(stage: RelationStage, patch_tokens: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Run one list of the kept tokens of all pairs."""
    image = torch.zeros(len(pairs.boxes), dtype=torch.int64, device=patch_tokens.device)
    vectors = packed_neck.packed_pair_vectors(
        stage, patch_tokens, image, pairs.subject_overlap, pairs.object_overlap, pairs.boxes
    )
    return stage.head(vectors)


BIDIRECTIONAL: dict[str, Callable[[RelationStage, Tensor, Pairs], tuple[Tensor, Tensor]]] = {
    "none": dense,
    "masked": dense,
    "gathered": gathered,
    "packed": packed,
}
"""`Step.prune` -> the form."""
