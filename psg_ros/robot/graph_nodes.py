# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes of a graph: what is said of each segment."""

from __future__ import annotations

from collections.abc import Sequence

from psg_ros.labels import Vocabulary
from psg_ros.robot.ops.regions import Regions
from psg_ros.scene_graph import Position, SceneNode, Segmentation, Track


def describe_nodes(
    segmentation: Segmentation,
    regions: Regions,
    vocabulary: Vocabulary,
    tracks: Sequence[Track] | None = None,
    positions: Sequence[Position | None] | None = None,
) -> tuple[SceneNode, ...]:
    """Return one node per segment, in segment order.

    Args:
        tracks: one per segment; None without tracking.
        positions: one per segment; None where none was measured.
    """
    unknown = (None,) * segmentation.num_segments
    columns = (
        segmentation.labels.tolist(),
        segmentation.scores.tolist(),
        map(tuple, regions.bbox_xyxy.tolist()),
        map(tuple, regions.centroid_xy.tolist()),
        regions.area.tolist(),
        regions.truncated.tolist(),
        unknown if tracks is None else tracks,
        unknown if positions is None else positions,
    )
    return tuple(
        SceneNode(
            segment=segment,
            label=label,
            class_name=vocabulary.labels[label].name,
            is_thing=vocabulary.labels[label].is_thing,
            score=score,
            bbox_xyxy=bbox,
            centroid_xy=centroid,
            area_px=area,
            truncated=truncated,
            track=track,
            position=position,
        )
        for segment, (label, score, bbox, centroid, area, truncated, track, position) in enumerate(
            zip(*columns, strict=True)
        )
    )
