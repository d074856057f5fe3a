# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which segments meet in the image, from which side, and with which step in depth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from psg_ros.scene_graph import VOID

# Facts are taken on a map of about this many columns: a border counts in cells, not in px.
GRID_COLUMNS = 160
# Segments that void keeps apart by at most this share of the map's columns still meet.
GAP_SHARE = 0.03
# Two surfaces touch where the step between them is at most this share of their distance; a depth
# camera at 3 m is a few cm off, and a border pixel mixes both.
TOUCH_STEP = 0.05


@dataclass(frozen=True)
class Contacts:
    """Borders of segments, in cells of a coarse grid; float64 [segment, segment] each.

    Attributes:
        above: border along which the first lies directly above the second.
        beside: border between left and right neighbours; symmetric.
        touch_above, touch_beside: the part of it on which both surfaces are equally far away; all
            of it without depth, which could tell.
        bottom, top: float64 [segment]; length of its underside and of its upper side, the border of
            the image left out.
    """

    above: np.ndarray
    beside: np.ndarray
    touch_above: np.ndarray
    touch_beside: np.ndarray

    @property
    def bottom(self) -> np.ndarray:
        return self.above.sum(axis=1)

    @property
    def top(self) -> np.ndarray:
        return self.above.sum(axis=0)

    @property
    def whole(self) -> np.ndarray:
        """float64 [segment, segment], the border of two segments on all sides; symmetric."""
        return self.above + self.above.T + self.beside

    @property
    def touch_whole(self) -> np.ndarray:
        """float64 [segment, segment], the part of `whole` that touches."""
        return self.touch_above + self.touch_above.T + self.touch_beside


def find_contacts(
    label_map: np.ndarray, num_segments: int, depth: np.ndarray | None = None
) -> Contacts:
    """Measure all borders of an int32 [height, width] label map (void is -1).

    Args:
        depth: float32 [height, width], metres along the optical axis; not a number, or 0, where
            unknown.
    """
    step = max(1, label_map.shape[1] // GRID_COLUMNS)
    cells = close_gaps(label_map[::step, ::step])
    down = _Borders(cells[:-1], cells[1:], num_segments)
    across = _Borders(cells[:, :-1], cells[:, 1:], num_segments)
    above, sides = down.count(), across.count()
    if depth is None:
        touch_above, touch_sides = above, sides
    else:
        distances = depth[::step, ::step]
        touch_above = down.count_touching(distances[:-1], distances[1:])
        touch_sides = across.count_touching(distances[:, :-1], distances[:, 1:])
    return Contacts(above, sides + sides.T, touch_above, touch_sides + touch_sides.T)


def close_gaps(cells: np.ndarray) -> np.ndarray:
    """Return the map with narrow void between segments given to the nearest segment."""
    void = cells == VOID
    if not void.any() or void.all():
        return cells
    reach = max(1.0, GAP_SHARE * cells.shape[1] / 2)
    distance, nearest = cv2.distanceTransformWithLabels(
        void.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.full(nearest.max() + 1, VOID, np.int32)
    owner[nearest[~void]] = cells[~void]
    return np.where(distance <= reach, owner[nearest], cells)


class _Borders:
    """Neighbouring cells of different segments, all in one direction."""

    def __init__(self, first: np.ndarray, second: np.ndarray, num_segments: int) -> None:
        self._size = num_segments
        self._place = (first != second) & (first != VOID) & (second != VOID)
        self._code = first[self._place].astype(np.int64) * num_segments + second[self._place]

    def count(self, chosen: np.ndarray | None = None) -> np.ndarray:
        """Return float64 [first, second], how many of the borders there are."""
        code = self._code if chosen is None else self._code[chosen]
        size = self._size
        return np.bincount(code, minlength=size * size).reshape(size, size).astype(np.float64)

    def count_touching(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return `count` of the borders without a step between the depths of both cells."""
        one, other = first[self._place], second[self._place]
        known = (one > 0) & (other > 0)  # false for NaN too
        step = np.abs(np.where(known, other - one, 0))
        return self.count(known & (step <= TOUCH_STEP * np.minimum(one, other)))
