# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segments as a stream that a tracker follows, with or without pictures."""

from __future__ import annotations

import cv2
import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.tracking.segment_tracker import Followed, SegmentTracker
from psg_ros.scene_graph import Segmentation, Track

SECOND_NS = 1_000_000_000
NUM_THINGS = 5
"""Labels from here on are stuff."""


class Stream:
    """A tracker and the settings it is used with."""

    def __init__(self, **settings) -> None:
        self.tracker = SegmentTracker([True] * NUM_THINGS + [False] * 5)
        self._settings = PipelineConfig(**settings)

    def follow(
        self,
        segmentation: Segmentation,
        stamp_ns: int | None,
        frame_id: str = "",
        image: np.ndarray | None = None,
        strong_score: float = 0.0,
    ) -> Followed:
        """Return what the tracker says of the next image, given its segments."""
        if image is None:
            image = np.zeros((*segmentation.image_hw, 3), np.uint8)
        frame = Frame(image, stamp_ns=stamp_ns, frame_id=frame_id)
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        return self.tracker.update(frame, segmentation, regions, self._settings, strong_score)

    def show(
        self, segmentation: Segmentation, stamp_ns: int | None, frame_id: str = ""
    ) -> tuple[Track, ...]:
        """Return the tracks of the next image alone."""
        return self.follow(segmentation, stamp_ns, frame_id).tracks

    def film(self, shown: list[Segmentation], rate_hz: float = 10.0) -> list[Followed]:
        """Return what the tracker says of several images at a steady rate."""
        period_ns = int(SECOND_NS / rate_hz)
        return [self.follow(one, place * period_ns) for place, one in enumerate(shown)]


def scene(seed: int, hw=(480, 640)) -> np.ndarray:
    """Return a picture unlike any other, rectangles of random colours, uint8 RGB."""
    rng = np.random.default_rng(seed)
    image = np.full((*hw, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(40):
        corner = rng.integers(0, hw[::-1], 2)
        opposite = corner + rng.integers(hw[0] // 24, hw[0] // 3, 2)
        color = tuple(map(int, rng.integers(0, 255, 3)))
        cv2.rectangle(image, tuple(map(int, corner)), tuple(map(int, opposite)), color, -1)
    return cv2.GaussianBlur(image, (5, 5), 0)


def segments(*boxes, hw=(40, 60), labels=None, scores=None) -> Segmentation:
    """Return segments that are boxes (left, top, right, bottom), all of label 0 unless told."""
    label_map = np.full(hw, -1, np.int32)
    for segment, (left, top, right, bottom) in enumerate(boxes):
        label_map[top:bottom, left:right] = segment
    labels = np.array(labels or [0] * len(boxes), np.int64)
    return Segmentation(label_map, labels, np.array(scores or [1.0] * len(boxes), np.float32))


def ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.id for track in tracks]
