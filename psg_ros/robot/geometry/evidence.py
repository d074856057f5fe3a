# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a relation stage and geometry say of the same pairs, joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psg_ros.robot.ops.triplets import Triplet, pair_logits, sigmoid
from psg_ros.scene_graph import RelationScores, RelationSource


@dataclass(frozen=True)
class Evidence:
    """How likely each relation is by either account, float64 [subject, object, predicate], 0..1.

    Attributes:
        learned: of the relation stage; 0 for pairs it did not look at and for what depth rules out.
        geometric: of the rules; 0 below the threshold for them.
    """

    learned: np.ndarray
    geometric: np.ndarray

    def scores(self) -> RelationScores:
        """Return the directed pairs of which any account says something, scored as high or higher.

        The accounts count as independent: 1 - (1 - learned) (1 - geometric).
        """
        either = 1 - (1 - self.learned) * (1 - self.geometric)
        pairs = np.argwhere(either.max(axis=2, initial=0.0) > 0).astype(np.int32)
        return RelationScores(pairs, pair_logits(either[pairs[:, 0], pairs[:, 1]]))

    def sources(
        self, triplets: Sequence[Triplet], learned_threshold: float
    ) -> tuple[RelationSource, ...]:
        """Return where each triplet comes from.

        Args:
            learned_threshold: score from which on the relation stage alone would have listed it.
        """
        ends = tuple(np.array([t[:3] for t in triplets], np.int64).reshape(-1, 3).T)
        by_model = self.learned[ends] >= learned_threshold
        by_geometry = self.geometric[ends] > 0
        table = {
            (True, True): RelationSource.FUSED,
            (False, True): RelationSource.GEOMETRY,
        }
        accounts = zip(by_model.tolist(), by_geometry.tolist(), strict=True)
        return tuple(table.get(account, RelationSource.MODEL) for account in accounts)


def gather_evidence(
    learned: RelationScores,
    clarity: np.ndarray,
    kindred: Sequence[int],
    threshold: float,
    learned_threshold: float,
    denied: np.ndarray | None = None,
) -> Evidence:
    """Join scores of a relation stage with the clarity of geometric rules.

    Args:
        clarity: float64 [subject, object, predicate], see `Relater`.
        kindred: predicates of which geometry knows only that one of them holds, as of all words
            for "held up by"; what the relation stage would list of them gets what geometry says.
        threshold: clarity below which geometry says nothing.
        learned_threshold: score below which the relation stage lists nothing.
        denied: bool [subject, object, predicate]; what cannot be, see `Contradictions`.
    """
    joint = np.zeros_like(clarity)
    subjects, targets = learned.pairs.T
    probability = sigmoid(learned.logits)
    joint[subjects, targets] = (1 - probability[:, :1]) * probability[:, 1:]
    if denied is not None:
        joint[denied] = 0.0
    geometric = np.where(clarity >= threshold, clarity, 0.0)
    if len(kindred) and len(learned.pairs):
        words = np.array(kindred)
        meant = geometric[:, :, words].max(axis=2)
        best = words[joint[:, :, words].argmax(axis=2)]
        known = joint[:, :, words].max(axis=2) >= learned_threshold
        moved = geometric.copy()
        moved[:, :, words] = 0.0
        np.put_along_axis(moved, best[:, :, None], meant[:, :, None], axis=2)
        geometric = np.where(known[:, :, None], moved, geometric)
    return Evidence(joint, geometric)
