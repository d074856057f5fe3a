# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Geometry: what the pipeline asks about the segments of a frame."""

from __future__ import annotations

from functools import partial

import numpy as np

from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary
from psg_ros.robot.geometry.contradictions import HELD_UP_BY, Contradictions
from psg_ros.robot.geometry.evidence import Evidence, gather_evidence
from psg_ros.robot.geometry.facts import gather_facts
from psg_ros.robot.geometry.kinds import KindTable
from psg_ros.robot.geometry.relations import Relater
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.space.rays import rays_of
from psg_ros.scene_graph import RelationScores, Segmentation


class Geometry:
    """The rules in the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._kinds, self._relater = KindTable(vocabulary), Relater(vocabulary)
        self._contradictions = Contradictions(vocabulary)
        names = vocabulary.predicate_names
        self._held_up = tuple(names.index(name) for name in HELD_UP_BY if name in names)

    def support(
        self,
        learned: RelationScores,
        frame: Frame,
        segmentation: Segmentation,
        regions: Regions,
        threshold: float,
        learned_threshold: float,
    ) -> Evidence:
        """Join what a relation stage says with what the frame shows.

        Depth counts fully only with the camera that took it; without it sizes are unknown. With
        both, what it rules out is not listed, however sure the relation stage is.

        Args:
            threshold: clarity in 0..1 below which geometry says nothing.
            learned_threshold: score below which the relation stage lists nothing.
        """
        has_rays = frame.camera is not None and frame.depth is not None
        rays = partial(rays_of, frame.camera) if has_rays else None
        facts = gather_facts(segmentation, regions, self._kinds, frame.depth, rays, frame.up)
        clarity = self._relater(facts, segmentation.labels)
        denied = None if facts.extents is None else self._contradictions(facts.extents)
        return gather_evidence(
            learned, clarity, self._held_up, threshold, learned_threshold, denied
        )


def no_scores(vocabulary: Vocabulary) -> RelationScores:
    """Return the scores of no pair."""
    columns = vocabulary.num_predicates + 1
    return RelationScores(np.zeros((0, 2), np.int32), np.zeros((0, columns), np.float32))
