# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stable identities of segments over frames, by overlap of masks in the image plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.ops.runs import find_runs
from psg_ros.scene_graph import Segmentation


@dataclass(frozen=True)
class Track:
    """One segment over time.

    Attributes:
        id: positive, never given twice between two resets.
        first_seen_ns: stamp of the first frame with this segment; an integer, for seconds since
            1970 as float lose the nanosecond.
        hits: number of frames in which it was seen.
    """

    id: int
    first_seen_ns: int
    hits: int


@dataclass(frozen=True)
class _Lost:
    """A track without a segment at present; `bbox_xyxy` int32 [4] is where it was seen last."""

    track: Track
    label: int
    bbox_xyxy: np.ndarray
    missed: int = 0


class SegmentTracker:
    """Gives every segment of a stream of frames a track; use it from one thread at a time.

    A segment continues the track whose previous mask it overlaps best (same label, IoU of at least
    `min_iou`, best pair first). A track without a segment waits for `max_missed` frames for one
    whose box overlaps its last box that much. A new image size ends all tracks.
    """

    def __init__(self, *, min_iou: float = 0.3, max_missed: int = 5) -> None:
        if not 0 < min_iou <= 1 or max_missed < 0:
            raise ValueError(
                f"min_iou must lie in (0, 1], max_missed be at least 0, not {min_iou}, {max_missed}"
            )
        self._min_iou = min_iou
        self._max_missed = max_missed
        self._next_id = 1
        self._previous: Segmentation | None = None
        self._tracks: tuple[Track, ...] = ()
        self._lost: list[_Lost] = []

    def reset(self) -> None:
        """Forget everything; ids start again at 1."""
        self._next_id = 1
        self._forget()

    def update(self, segmentation: Segmentation, stamp_ns: int) -> tuple[Track, ...]:
        """Return one track per segment of the next frame, in segment order."""
        if self._previous is not None and self._previous.image_hw != segmentation.image_hw:
            self._forget()
        found = self._match_masks(segmentation)
        found |= self._match_boxes(segmentation, found)
        tracks = tuple(
            replace(found[segment], hits=found[segment].hits + 1)
            if segment in found
            else self._new_track(stamp_ns)
            for segment in range(segmentation.num_segments)
        )
        aged = (replace(lost, missed=lost.missed + 1) for lost in self._lost)
        self._lost = [lost for lost in aged if lost.missed <= self._max_missed]
        self._previous, self._tracks = segmentation, tracks
        return tracks

    def _forget(self) -> None:
        self._previous, self._tracks, self._lost = None, (), []

    def _new_track(self, stamp_ns: int) -> Track:
        track = Track(self._next_id, stamp_ns, hits=1)
        self._next_id += 1
        return track

    def _match_masks(self, current: Segmentation) -> dict[int, Track]:
        """Match with the previous frame; what finds no segment joins the lost tracks."""
        previous = self._previous
        if previous is None or not previous.num_segments:
            return {}
        table = mask_iou(previous, current) * (previous.labels[:, None] == current.labels)
        pairs = dict(best_pairs(table, self._min_iou))
        if len(pairs) < previous.num_segments:
            boxes = measure_regions(previous.label_map, previous.num_segments).bbox_xyxy
            self._lost += [
                _Lost(self._tracks[old], int(previous.labels[old]), boxes[old])
                for old in range(previous.num_segments)
                if old not in pairs
            ]
        return {new: self._tracks[old] for old, new in pairs.items()}

    def _match_boxes(self, current: Segmentation, found: dict[int, Track]) -> dict[int, Track]:
        """Match segments that found no mask with lost tracks; those are lost no more."""
        free = [segment for segment in range(current.num_segments) if segment not in found]
        if not (free and self._lost):
            return {}
        boxes = measure_regions(current.label_map, current.num_segments).bbox_xyxy[free]
        table = box_iou(np.stack([lost.bbox_xyxy for lost in self._lost]), boxes)
        table *= np.array([lost.label for lost in self._lost])[:, None] == current.labels[free]
        pairs = dict(best_pairs(table, self._min_iou))
        matched = {free[new]: self._lost[old].track for old, new in pairs.items()}
        self._lost = [lost for old, lost in enumerate(self._lost) if old not in pairs]
        return matched


def mask_iou(first: Segmentation, second: Segmentation) -> np.ndarray:
    """Return the IoU of every two masks, float64 [segment of first, segment of second]."""
    rows, cols = first.num_segments + 1, second.num_segments + 1
    codes = (first.label_map + 1) * np.int32(cols)
    codes += second.label_map + 1
    runs = find_runs(codes)
    common = np.bincount(runs.segment, runs.right - runs.left, rows * cols).reshape(rows, cols)
    union = common.sum(axis=1, keepdims=True) + common.sum(axis=0, keepdims=True) - common
    return common[1:, 1:] / np.maximum(union[1:, 1:], 1)


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the IoU of every two boxes [n, 4] and [m, 4] (xyxy, exclusive), float64 [n, m]."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return common / np.maximum(areas[0][:, None] + areas[1] - common, 1)


def best_pairs(table: np.ndarray, minimum: float) -> Iterator[tuple[int, int]]:
    """Yield (row, column) of the highest values of at least `minimum`, each row and column once."""
    rows, cols = np.nonzero(table >= minimum)
    free_rows, free_cols = set(rows.tolist()), set(cols.tolist())
    for index in np.argsort(-table[rows, cols], kind="stable").tolist():
        row, col = int(rows[index]), int(cols[index])
        if row in free_rows and col in free_cols:
            free_rows.remove(row)
            free_cols.remove(col)
            yield row, col
