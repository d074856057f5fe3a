# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SegmentedView: segments of a part of an image, or some of them, told of the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psg_ros.robot.forms.form import Segmented
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.ops.regions import Regions
from psg_ros.scene_graph import VOID, RelationScores, Segmentation


@dataclass(frozen=True)
class Window:
    """A part of an image in px, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, region: Sequence[float], image_hw: tuple[int, int]) -> Window:
        """Return the window of a region: x, y, width and height as shares of the image.

        It has at least one pixel.
        """
        x, y, width, height = region
        rows, columns = image_hw
        left, top = min(int(x * columns), columns - 1), min(int(y * rows), rows - 1)
        right, bottom = round((x + width) * columns), round((y + height) * rows)
        return cls(left, top, min(max(right, left + 1), columns), min(max(bottom, top + 1), rows))

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return the part of an image [height, width, ...], a view."""
        return image[self.top : self.bottom, self.left : self.right]

    def is_whole(self, image_hw: tuple[int, int]) -> bool:
        """Whether nothing of the image is outside."""
        return (self.left, self.top, self.bottom, self.right) == (0, 0, *image_hw)

    def cuts(self, bbox_xyxy: np.ndarray) -> np.ndarray:
        """Return which boxes [segment, 4] touch the border of the window, bool [segment]."""
        edges = np.array([self.left, self.top, self.right, self.bottom])
        return (np.asarray(bbox_xyxy) == edges).any(axis=1)


@dataclass(frozen=True)
class SegmentedView:
    """Segments of a window by their places in the whole image; see `Segmented`.

    Attributes:
        segmentation: of the whole image, void outside of the window and where segments were left
            out.
        inner: the segments of the window, all of them.
        kept: int64 [segment]; which of them are in `segmentation`, in that order.
    """

    segmentation: Segmentation
    inner: Segmented
    window: Window
    kept: np.ndarray

    @classmethod
    def on(
        cls, inner: Segmented, window: Window, image_hw: tuple[int, int], wanted: np.ndarray | None
    ) -> SegmentedView:
        """Return a view on the segments of a window.

        Args:
            wanted: bool [label]; segments of other labels are left out. None: of none.
        """
        found = inner.segmentation
        keeps = np.ones(found.num_segments, bool) if wanted is None else wanted[found.labels]
        kept = np.flatnonzero(keeps)
        new = np.full(found.num_segments + 1, VOID, np.int32)  # the last one is for VOID
        new[kept] = np.arange(len(kept))
        label_map = np.full(image_hw, VOID, np.int32)
        window.cut(label_map)[...] = new[found.label_map]
        segmentation = Segmentation(label_map, found.labels[kept], found.scores[kept])
        return cls(segmentation, inner, window, kept)

    def relate(self, regions: Regions, pairs: np.ndarray, clock: StepClock) -> RelationScores:
        """See `Segmented.relate`."""
        count = self.inner.segmentation.num_segments
        offset = np.array([self.window.left, self.window.top] * 2, np.int32)
        own = Regions(
            np.zeros(count, np.int64),
            np.zeros((count, 4), np.int32),
            np.zeros((count, 2)),
            np.zeros(count, bool),
        )
        own.area[self.kept] = regions.area
        own.bbox_xyxy[self.kept] = regions.bbox_xyxy - offset
        own.centroid_xy[self.kept] = regions.centroid_xy - offset[:2]
        own.truncated[self.kept] = regions.truncated
        scores = self.inner.relate(own, self.kept[pairs].astype(np.int32), clock)
        place = np.full(count, VOID, np.int32)
        place[self.kept] = np.arange(len(self.kept))
        return RelationScores(place[scores.pairs], scores.logits, scores.rank)
