# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of tracks in small, which move, and how much they share with the segments of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from psg_ros.robot.tracking.camera_motion import Motion
from psg_ros.scene_graph import Segmentation

# A mask is enlarged or shrunk when it is off by more; each time costs a little of its border.
_ZOOM_STEP = 1.06
# Fewer corners on a mask say nothing about its own motion.
_MIN_CORNERS = 3
_AGREE_PX = 2.0


@dataclass(frozen=True)
class Silhouette:
    """The mask of one segment, and where it lies by now, in px of the small view.

    Attributes:
        mask: bool [h, w].
        center_xy: float64 [2], middle of the box of the mask.
        zoom: how much larger it is by now than `mask`.
    """

    mask: np.ndarray
    center_xy: np.ndarray
    zoom: float = 1.0

    @property
    def area_px(self) -> float:
        """Number of pixels by now."""
        return np.count_nonzero(self.mask) * self.zoom**2

    def moved(self, motion: Motion, shift_xy: np.ndarray) -> Silhouette:
        """Return it after the camera's motion and one of its own, float64 [2]."""
        center_xy = motion.move(self.center_xy) + shift_xy
        moved = replace(self, center_xy=center_xy, zoom=self.zoom * motion.zoom)
        return moved if 1 / _ZOOM_STEP < moved.zoom < _ZOOM_STEP else moved._redrawn()

    def own_shift(self, motion: Motion) -> np.ndarray | None:
        """Return how it moved beside the camera's motion, float64 [2], by the corners on it.

        None where they are too few to tell, or most go other ways.
        """
        on_it = self._covers(motion.corners_xy)
        own = motion.found_xy[on_it] - motion.move(motion.corners_xy[on_it])
        if len(own) < _MIN_CORNERS:
            return None
        middle = np.median(own, axis=0)
        agreeing = np.abs(own - middle).max(axis=1) < _AGREE_PX
        return middle if 2 * np.count_nonzero(agreeing) > len(own) else None

    def _covers(self, points_xy: np.ndarray) -> np.ndarray:
        """Say which points float [point, 2] lie on the mask, bool [point]."""
        size_xy = np.array(self.mask.shape[::-1])
        cells = np.floor(points_xy - self.center_xy + size_xy / 2).astype(np.int64)
        inside = ((cells >= 0) & (cells < size_xy)).all(axis=1)
        covered = np.zeros(len(points_xy), bool)
        covered[inside] = self.mask[cells[inside, 1], cells[inside, 0]]
        return covered

    def place(self, map_hw: tuple[int, int]) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Return what of the mask lies within a map, bool [h, w], and where; may be empty."""
        size = np.array(self.mask.shape)
        first = np.rint(self.center_xy[::-1] - size / 2).astype(np.int64)
        begin, end = np.maximum(first, 0), np.minimum(first + size, map_hw)
        end = np.maximum(end, begin)
        (top, left), (bottom, right) = begin - first, end - first
        window = slice(begin[0], end[0]), slice(begin[1], end[1])
        return self.mask[top:bottom, left:right], window

    def _redrawn(self) -> Silhouette:
        height, width = (max(1, round(side * self.zoom)) for side in self.mask.shape)
        mask = cv2.resize(
            self.mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
        )
        return replace(self, mask=mask.view(bool), zoom=1.0)


@dataclass(frozen=True)
class SmallMap:
    """A label map in small: every `step`-th pixel.

    Attributes:
        labels: int32 [h, w], segment indices, void is -1.
        step: px of the frame per px.
        num_segments: of the whole map; the smallest may have no pixel in small.
    """

    labels: np.ndarray
    step: int
    num_segments: int

    def silhouette(self, segment: int, bbox_xyxy: np.ndarray) -> Silhouette:
        """Return one segment, given its box int [4] in px of the frame; never without a pixel."""
        left, top = bbox_xyxy[:2] // self.step
        right, bottom = (bbox_xyxy[2:] - 1) // self.step + 1
        mask = self.labels[top:bottom, left:right] == segment
        if not mask.any():  # too small or thin to be hit by the steps
            mask = np.ones_like(mask)
        return Silhouette(mask, np.array([left, top]) + np.array(mask.shape[::-1]) / 2)


def shrink_map(segmentation: Segmentation, step: int) -> SmallMap:
    """Return every `step`-th pixel of a label map."""
    labels = np.ascontiguousarray(segmentation.label_map[::step, ::step])
    return SmallMap(labels, step, segmentation.num_segments)


@dataclass(frozen=True)
class Coverage:
    """How silhouettes and the segments of an image overlap; px outside the image do not count.

    Attributes:
        shared_px: int64 [silhouette, segment].
        silhouette_px: int64 [silhouette].
        segment_px: int64 [segment].
    """

    shared_px: np.ndarray
    silhouette_px: np.ndarray
    segment_px: np.ndarray

    def iou(self) -> np.ndarray:
        """Return the intersection over union, float64 [silhouette, segment], 0..1."""
        union = self.silhouette_px[:, None] + self.segment_px - self.shared_px
        return self.shared_px / np.maximum(union, 1)

    def covered(self) -> np.ndarray:
        """Return which part of a segment a silhouette covers, float64 [silhouette, segment]."""
        return self.shared_px / np.maximum(self.segment_px, 1)


def measure_coverage(silhouettes: Sequence[Silhouette], small: SmallMap) -> Coverage:
    """Count the pixels that silhouettes and segments share."""
    columns = small.num_segments + 1
    shared = np.zeros((len(silhouettes), columns), np.int64)
    for row, silhouette in enumerate(silhouettes):
        mask, window = silhouette.place(small.labels.shape)
        shared[row] = np.bincount(small.labels[window][mask] + 1, minlength=columns)
    areas = np.bincount(small.labels.ravel() + 1, minlength=columns)
    return Coverage(shared[:, 1:], shared.sum(axis=1), areas[1:])
