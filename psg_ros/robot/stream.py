# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stream: what is remembered of one camera from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary
from psg_ros.robot.ops.pairs import best_segments
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.tracking.node_memory import NodeMemory
from psg_ros.robot.tracking.relation_memory import Listed, Observed, RelationMemory
from psg_ros.robot.tracking.segment_tracker import Followed, SegmentTracker
from psg_ros.scene_graph import RelationScores, SceneNode, Segmentation, TrackState


class Stream:
    """Tracks, nodes and relations of one stream; use it from one thread at a time.

    Attributes:
        tracker: what follows the nodes.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tracker = SegmentTracker([label.is_thing for label in vocabulary.labels])
        self._nodes, self._relations = NodeMemory(), RelationMemory()

    def take_vocabulary(self, vocabulary: Vocabulary) -> None:
        """End all tracks; labels and predicates are of another vocabulary from now on."""
        self.tracker.follow_other_labels([label.is_thing for label in vocabulary.labels])
        self._nodes, self._relations = NodeMemory(), RelationMemory()

    def follow(
        self,
        frame: Frame,
        segmentation: Segmentation,
        regions: Regions,
        config: PipelineConfig,
        strong_score: float,
    ) -> Followed | None:
        """Return the segments with their tracks; None for a frame that belongs to no stream."""
        if not is_followed(frame, config):
            return None
        return self.tracker.update(frame, segmentation, regions, config, strong_score)

    def remember(
        self,
        followed: Followed,
        seen: Sequence[SceneNode],
        scores: RelationScores,
        listed: list[Listed],
        threshold: float,
        config: PipelineConfig,
        spatial_frame_id: str,
    ) -> tuple[tuple[SceneNode, ...], list[Listed]]:
        """Return nodes and relations of the stream at this frame.

        Args:
            seen: one node per segment.
            scores, listed, threshold: what this frame alone says of relations; see `Observed`.
        """
        nodes = self._nodes.complete(seen, followed.coasting, spatial_frame_id)
        if not config.track_relations:
            return nodes, listed
        image = Observed(
            [node.id for node in nodes],
            np.array([_is_established(node) for node in nodes], bool),
            best_segments(followed.segmentation.scores, config.max_segments),
            scores,
            listed,
            threshold,
            followed.stamp_ns,
            followed.elapsed_ns,
        )
        return nodes, self._relations.update(image, config)[: config.max_relations]


def is_followed(frame: Frame, config: PipelineConfig) -> bool:
    """Return whether a frame is one of a stream whose nodes get tracks."""
    return config.track and frame.stamp_ns is not None


def _is_established(node: SceneNode) -> bool:
    return node.track is not None and node.track.state != TrackState.TENTATIVE
