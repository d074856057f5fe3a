# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of pairs of segments: what the model says, and what geometry makes of it."""

from __future__ import annotations

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.forms import Segmented, StepClock
from psg_ros.robot.geometry import Evidence, Geometry, no_scores
from psg_ros.robot.interest import Interest
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.pairs import choose_pairs
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.settings_in_force import relation_source, relation_threshold
from psg_ros.scene_graph import RelationScores, Segmentation


class PairScorer:
    """Scores the pairs that a configuration asks for, with whatever relates them."""

    def __init__(self, folder: ModelFolder, *, relates: bool) -> None:
        """Prepare for a model; `relates` says whether it has a relation stage."""
        self._manifest, self._vocabulary = folder.manifest, folder.vocabulary
        self._relates = relates
        self._geometry = Geometry(folder.vocabulary)
        self._known: tuple[PipelineConfig, Interest] | None = None

    def interest(self, config: PipelineConfig) -> Interest:
        """Return what a configuration asks for; looked up once for each one."""
        if self._known is None or self._known[0] is not config:
            self._known = config, Interest.of(config, self._vocabulary)
        return self._known[1]

    def source(self, config: PipelineConfig) -> str:
        """Return what relates segments; see `relation_source`."""
        return relation_source(config, self._manifest, relates=self._relates)

    def score(
        self,
        segmented: Segmented,
        segmentation: Segmentation,
        regions: Regions,
        kept: np.ndarray,
        config: PipelineConfig,
        clock: StepClock,
    ) -> RelationScores:
        """Return what the model says of the pairs worth asking for.

        Args:
            segmentation: the segments that are kept.
            regions: of all segments.
            kept: bool [segment].
        """
        if self.source(config) == "geometry":
            return no_scores(self._vocabulary)
        wanted = self.interest(config).pairs
        pairs = choose_pairs(segmentation.labels, segmentation.scores, config.max_segments, wanted)
        place = np.flatnonzero(kept).astype(np.int32)
        return segmented.relate(regions, place[pairs], clock)

    def confirm(
        self,
        frame: Frame,
        segmentation: Segmentation,
        regions: Regions,
        scores: RelationScores,
        config: PipelineConfig,
        clock: StepClock,
    ) -> tuple[RelationScores, Evidence | None]:
        """Let geometry confirm, veto and add; None where the model alone relates."""
        if self.source(config) == "model":
            return scores, None
        threshold = relation_threshold(config, self._manifest)
        evidence = self._geometry.support(
            scores, frame, segmentation, regions, config.geometry_threshold, threshold
        )
        scores = evidence.scores()
        wanted = self.interest(config).pairs
        if wanted is not None:
            subjects, objects = segmentation.labels[scores.pairs].T
            scores = scores.rows(np.flatnonzero(wanted[subjects, objects]))
        clock.lap("geometry")
        return scores, evidence
