# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segments without pictures, as a stream that a tracker follows."""

from __future__ import annotations

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.tracking.segment_tracker import SegmentTracker
from psg_ros.scene_graph import Segmentation, Track


class Stream:
    """A tracker and the settings it is used with."""

    def __init__(self, **settings) -> None:
        self.tracker = SegmentTracker()
        self._settings = PipelineConfig(**settings)

    def show(
        self, segmentation: Segmentation, stamp_ns: int, frame_id: str = ""
    ) -> tuple[Track, ...]:
        """Return the tracks of the next image, given its segments."""
        image = np.zeros((*segmentation.image_hw, 3), np.uint8)
        frame = Frame(image, stamp_ns=stamp_ns, frame_id=frame_id)
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        return self.tracker.update(frame, segmentation, regions, self._settings)


def ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.id for track in tracks]
