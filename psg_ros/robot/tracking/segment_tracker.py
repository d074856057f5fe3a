# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Identities of segments that last over the images of a stream, by overlap in the image plane."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.ops.boxes import box_iou
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.tracking.matching import best_pairs, mask_iou
from psg_ros.scene_graph import Segmentation, Track, TrackState


@dataclass(frozen=True)
class _History:
    """What is known of a track; `hits` is the number of images in which it was seen."""

    id: int
    first_seen_ns: int
    hits: int = 0


@dataclass(frozen=True)
class _Seen:
    """The last image of the stream, without its pixels; one history per segment."""

    stamp_ns: int
    frame_id: str
    segmentation: Segmentation
    bbox_xyxy: np.ndarray
    histories: tuple[_History, ...]


@dataclass(frozen=True)
class _Lost:
    """A track without a segment at present; `bbox_xyxy` int32 [4] is where it was seen last."""

    history: _History
    label: int
    bbox_xyxy: np.ndarray
    missed: int = 0


class SegmentTracker:
    """Gives every segment of one stream a track; use it from one thread at a time.

    A segment continues the track whose previous mask it overlaps best (same label, IoU of at least
    `track_min_iou`, best pair first). A track without a segment waits for `track_max_missed` images
    for one whose box overlaps its last box that much.

    All tracks end where an image does not follow on the last one: its stamp is earlier (a bag that
    starts again, simulated time set back, a camera that restarted with another clock) or more than
    `track_gap_s` later, or it is of another coordinate frame or size. So no node is ever first seen
    after its own image.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything; ids begin again at 1."""
        self._next_id = 1
        self.interrupt()

    def interrupt(self) -> None:
        """End all tracks: what comes next may be other things. No id is given again."""
        self._last: _Seen | None = None
        self._lost: list[_Lost] = []

    def update(
        self, frame: Frame, segmentation: Segmentation, regions: Regions, settings: PipelineConfig
    ) -> tuple[Track, ...]:
        """Return one track per segment of the next frame, in segment order.

        Args:
            frame: has a stamp.
            regions: of the segmentation, as `measure_regions` returns them.
            settings: those that begin with `track_`; they may change from frame to frame.
        """
        if frame.stamp_ns is None:
            raise ValueError("a frame without a stamp continues no stream: it cannot be tracked")
        if self._last is not None and not _follows(frame, self._last, settings.track_gap_s):
            self.interrupt()
        found = self._match_masks(segmentation, settings.track_min_iou)
        found |= self._match_boxes(segmentation, regions, found, settings.track_min_iou)
        histories = tuple(
            self._seen_again(found.get(segment), frame.stamp_ns)
            for segment in range(segmentation.num_segments)
        )
        aged = (replace(lost, missed=lost.missed + 1) for lost in self._lost)
        self._lost = [lost for lost in aged if lost.missed <= settings.track_max_missed]
        self._last = _Seen(
            frame.stamp_ns, frame.frame_id, segmentation, regions.bbox_xyxy, histories
        )
        return tuple(_track(history, settings.track_min_hits) for history in histories)

    def _seen_again(self, history: _History | None, stamp_ns: int) -> _History:
        """Return the history with one more image; a new one where there was none."""
        if history is None:
            history = _History(self._next_id, stamp_ns)
            self._next_id += 1
        return replace(history, hits=history.hits + 1)

    def _match_masks(self, current: Segmentation, min_iou: float) -> dict[int, _History]:
        """Match with the last image; what finds no segment joins the lost tracks."""
        if self._last is None or not self._last.histories:
            return {}
        last, labels = self._last, self._last.segmentation.labels
        table = mask_iou(last.segmentation, current) * (labels[:, None] == current.labels)
        pairs = dict(best_pairs(table, min_iou))
        self._lost += [
            _Lost(history, int(labels[old]), last.bbox_xyxy[old])
            for old, history in enumerate(last.histories)
            if old not in pairs
        ]
        return {new: last.histories[old] for old, new in pairs.items()}

    def _match_boxes(
        self,
        current: Segmentation,
        regions: Regions,
        found: dict[int, _History],
        min_iou: float,
    ) -> dict[int, _History]:
        """Match segments that found no mask with lost tracks; those are lost no more."""
        free = [segment for segment in range(current.num_segments) if segment not in found]
        if not (free and self._lost):
            return {}
        boxes = np.stack([lost.bbox_xyxy for lost in self._lost])
        table = box_iou(boxes, regions.bbox_xyxy[free])
        table *= np.array([lost.label for lost in self._lost])[:, None] == current.labels[free]
        pairs = dict(best_pairs(table, min_iou))
        matched = {free[new]: self._lost[old].history for old, new in pairs.items()}
        self._lost = [lost for old, lost in enumerate(self._lost) if old not in pairs]
        return matched


def _track(history: _History, min_hits: int) -> Track:
    state = TrackState.CONFIRMED if history.hits >= min_hits else TrackState.TENTATIVE
    return Track(history.id, state, history.first_seen_ns)


def _follows(frame: Frame, last: _Seen, max_gap_s: float) -> bool:
    """Say whether a frame may show what the last one showed.

    Equal stamps do: of a camera that does not stamp, all are zero.

    Args:
        max_gap_s: most seconds between the stamps; 0: any number.
    """
    assert frame.stamp_ns is not None
    same_view = (frame.frame_id, frame.image_hw) == (last.frame_id, last.segmentation.image_hw)
    limit_ns = max_gap_s * 1_000_000_000 or math.inf
    return same_view and 0 <= frame.stamp_ns - last.stamp_ns <= limit_ns
