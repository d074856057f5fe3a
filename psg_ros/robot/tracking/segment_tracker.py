# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Identities of segments that last over the images of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.ops.assignment import best_pairs
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.ops.selection import select_segmentation
from psg_ros.robot.tracking.camera_motion import SmallView, estimate_motion, shrink
from psg_ros.robot.tracking.continuity import (
    NS_PER_S,
    LastImage,
    follows,
    remember,
    time_between_ns,
)
from psg_ros.robot.tracking.silhouettes import (
    Silhouette,
    SmallMap,
    measure_coverage,
    shrink_map,
)
from psg_ros.robot.tracking.track_record import TrackRecord
from psg_ros.scene_graph import Segmentation, Track

# What comes out from behind something is a part of it at first, and overlaps it little.
_PART_WEIGHT = 0.5
# A class that flickers between a thing and stuff (a refrigerator, a door) is one node: where
# nothing else continues a track, what overlaps it as much does, whatever it is called.
_SAME_PLACE = 0.5
# What comes out of hiding elsewhere is the thing of its class that is missed nearby: so many of its
# sizes away, and as many more for each second in which it was not seen.
_REACH = 1.0
_REACH_PER_S = 1.0
# It may be larger by any factor, since it was hidden, but hardly smaller.
_LEAST_SHARE = 0.4
# Nearness of what is four sizes away.
_NEAR = 0.2


@dataclass(frozen=True)
class Followed:
    """What the tracker makes of the segments of one image.

    Attributes:
        kept: bool [segment]; False for those too weak to begin a track. What follows is of the
            others, in their order.
        segmentation: labels by vote over the last seconds, scores the mean confidence in them over
            the same time; the pixels of segments that are not kept are void.
        tracks: one for each.
        coasting: confirmed tracks that have no segment in this image.
        stamp_ns, elapsed_ns: of the image, and time since the last one; 0 where all tracks are new.
    """

    kept: np.ndarray
    segmentation: Segmentation
    tracks: tuple[Track, ...]
    coasting: tuple[Track, ...]
    stamp_ns: int
    elapsed_ns: int


class SegmentTracker:
    """Gives every segment of one stream a track; use it from one thread at a time.

    A segment of a thing continues the track whose mask it overlaps best, when that is moved by the
    camera's motion and its own; labels that the track had count, too. A segment of stuff continues
    the track of its class. Confirmed tracks come first, then the others; strong segments choose
    first, weak ones among confirmed tracks that are left. What still continues nothing may be the
    thing that was taken for stuff, or the other way round. A track without a segment coasts for
    `track_coast_s`.

    All tracks end where an image does not follow on the last one: its stamp is earlier (a bag that
    starts again, simulated time set back, a camera that restarted with another clock) or more than
    `track_gap_s` later, it is of another coordinate frame or size, or it shows something else
    altogether (`track_cut`). So no node is ever first seen after its own image.
    """

    def __init__(self, is_thing: Sequence[bool]) -> None:
        """Follow segments whose labels are indices into `is_thing`."""
        self._is_thing = np.array(is_thing, bool)
        self.restart()

    def restart(self) -> None:
        """Forget everything; ids begin again at 1."""
        self._next_id = 1
        self.interrupt()

    def interrupt(self) -> None:
        """End all tracks: what comes next may be other things. No id is given again."""
        self._last: tuple[LastImage, SmallView] | None = None
        self._records: list[TrackRecord] = []

    def follow_other_labels(self, is_thing: Sequence[bool]) -> None:
        """End all tracks; labels are indices into another `is_thing` from the next frame on."""
        self._is_thing = np.array(is_thing, bool)
        self.interrupt()

    def update(
        self,
        frame: Frame,
        segmentation: Segmentation,
        regions: Regions,
        settings: PipelineConfig,
        strong_score: float = 0.0,
    ) -> Followed:
        """Return what the segments of the next frame are.

        Args:
            frame: has a stamp.
            regions: of the segmentation, as `measure_regions` returns them.
            settings: those that begin with `track_`; they may change from frame to frame.
            strong_score: segments scored lower are weak: they begin no track.
        """
        image, view = remember(frame), shrink(frame.image)
        elapsed_ns = self._advance(image, view, settings)
        small = shrink_map(segmentation, view.step)
        strong = segmentation.scores >= strong_score
        continued = self._associate(segmentation, small, regions, strong, settings)
        kept = strong.copy()
        kept[list(continued)] = True
        seen = []
        for segment in np.flatnonzero(kept).tolist():
            silhouette = small.silhouette(segment, regions.bbox_xyxy[segment])
            label, score = int(segmentation.labels[segment]), float(segmentation.scores[segment])
            record = continued.get(segment)
            if record is None:
                record = self._begin(image.stamp_ns, silhouette, label, score)
                record.confirmed = settings.track_confirm_s == 0
            else:
                record.vote(label, score, elapsed_ns, settings.track_class_s)
                record.is_thing = bool(self._is_thing[record.votes.label])
                record.see(silhouette, elapsed_ns, settings.track_confirm_s)
            seen.append(record)
        coasting = self._coast(seen, elapsed_ns, settings.track_coast_s)
        self._records = [*seen, *coasting]
        return Followed(
            kept,
            _settled(segmentation, kept, seen),
            tuple(record.track() for record in seen),
            tuple(record.track() for record in coasting if record.confirmed),
            image.stamp_ns,
            elapsed_ns,
        )

    def _advance(self, image: LastImage, view: SmallView, settings: PipelineConfig) -> int:
        """Move all tracks to where they should be by now, or end them; returns the time passed."""
        last, self._last = self._last, (image, view)
        if last is None:
            return 0
        motion = None
        if follows(image, last[0], settings.track_gap_s):
            motion = estimate_motion(last[1], view)
        if motion is None or motion.likeness < settings.track_cut:
            self._records = []
            return 0
        elapsed_ns = time_between_ns(image, last[0])
        for record in self._records:
            record.expect(motion, elapsed_ns)
        return elapsed_ns

    def _associate(
        self,
        segmentation: Segmentation,
        small: SmallMap,
        regions: Regions,
        strong: np.ndarray,
        settings: PipelineConfig,
    ) -> dict[int, TrackRecord]:
        """Return the track that each segment continues."""
        affinity, crossing = self._affinity(segmentation, small, settings)
        confirmed = np.array([record.confirmed for record in self._records], bool)
        free = np.ones_like(affinity, bool)
        continued = {}
        nearness = self._nearness(segmentation, small, regions)
        for wanted, least, rows, columns in (
            (affinity, settings.track_min_iou, confirmed, strong),
            (affinity, settings.track_min_iou, ~confirmed, strong),
            (affinity, settings.track_min_iou, confirmed, ~strong),
            (crossing, _SAME_PLACE, np.ones_like(confirmed), strong),
            (nearness, _NEAR, confirmed, strong),
        ):
            allowed = wanted * (free & rows[:, None] & columns)
            for row, segment in best_pairs(allowed, least):
                continued[segment] = self._records[row]
                free[row], free[:, segment] = False, False
        return continued

    def _affinity(
        self, segmentation: Segmentation, small: SmallMap, settings: PipelineConfig
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how well each segment continues each track, float64 [track, segment], 0..1.

        First as what it is; second where one of them is a thing and the other one stuff.
        """
        labels, is_thing = segmentation.labels, self._is_thing[segmentation.labels]
        own_class = np.array([record.votes.label for record in self._records], np.int64)
        things = np.array([record.is_thing for record in self._records], bool)
        settled = ~things & np.isin(own_class, labels)
        affinity = np.zeros((len(self._records), segmentation.num_segments))
        affinity[settled] = own_class[settled, None] == labels
        open_rows = np.flatnonzero(~settled)
        coverage = measure_coverage([self._records[row].silhouette for row in open_rows], small)
        hidden = np.array([self._records[row].unseen_ns > 0 for row in open_rows], bool)
        part = _PART_WEIGHT * hidden[:, None] * coverage.covered()
        overlap = coverage.iou()
        affinity[open_rows] = np.maximum(overlap, part)
        affinity[things] *= is_thing
        affinity[~things & ~settled] *= ~is_thing & ~np.isin(labels, own_class)
        crossing = np.zeros_like(affinity)
        crossing[open_rows] = overlap
        crossing *= things[:, None] != is_thing
        for row, segment in np.argwhere(affinity >= settings.track_min_iou).tolist():
            if not settled[row]:
                disagreement = 1 - self._records[row].votes.share(int(labels[segment]))
                affinity[row, segment] *= 1 - settings.track_class_weight * disagreement
        return affinity, crossing

    def _nearness(
        self, segmentation: Segmentation, small: SmallMap, regions: Regions
    ) -> np.ndarray:
        """Return how near each segment is to each thing that is not seen, of its class, 0..1.

        Above 0 only within reach: float64 [track, segment].
        """
        nearness = np.zeros((len(self._records), segmentation.num_segments))
        middle_xy = (regions.bbox_xyxy[:, :2] + regions.bbox_xyxy[:, 2:]) / (2 * small.step)
        area_px = regions.area / small.step**2
        for row, record in enumerate(self._records):
            if not record.is_thing or record.unseen_ns == 0:
                continue
            same = segmentation.labels == record.votes.label
            same &= area_px >= _LEAST_SHARE * record.whole.area_px
            size_px = np.sqrt(np.maximum(area_px, record.whole.area_px))
            away_px = np.linalg.norm(middle_xy - record.silhouette.center_xy, axis=1)
            reach = _REACH + _REACH_PER_S * record.unseen_ns / NS_PER_S
            away = away_px / np.maximum(size_px, 1)
            nearness[row] = same * (away < reach) / (1 + away)
        return nearness

    def _begin(
        self, stamp_ns: int, silhouette: Silhouette, label: int, score: float
    ) -> TrackRecord:
        record = TrackRecord(self._next_id, bool(self._is_thing[label]), stamp_ns, silhouette)
        record.votes.add(label, score, passed=0.0)
        self._next_id += 1
        return record

    def _coast(
        self, seen: Sequence[TrackRecord], elapsed_ns: int, coast_s: float
    ) -> list[TrackRecord]:
        """Return the tracks that are not seen and go on."""
        seen_ids = {record.id for record in seen}
        unseen = [record for record in self._records if record.id not in seen_ids]
        for record in unseen:
            record.miss(elapsed_ns)
        return [record for record in unseen if record.unseen_ns <= coast_s * NS_PER_S]


def _settled(
    segmentation: Segmentation, kept: np.ndarray, records: Sequence[TrackRecord]
) -> Segmentation:
    """Return the kept segments with labels and scores of their tracks."""
    if not kept.all():
        segmentation = select_segmentation(segmentation, kept)
    labels = _voted_labels(records, segmentation.labels.tolist())
    scores = [record.votes.score(label) for record, label in zip(records, labels, strict=True)]
    return Segmentation(
        segmentation.label_map, np.array(labels, np.int64), np.array(scores, np.float32)
    )


def _voted_labels(records: Sequence[TrackRecord], found: Sequence[int]) -> list[int]:
    """Return the label of each track by vote; no two regions of stuff get the same.

    Args:
        found: what the image says of each; of stuff, each label at most once.
    """
    taken, labels = set(found), []
    for record, label in zip(records, found, strict=True):
        voted = record.votes.label
        if record.is_thing or voted not in taken:
            taken.add(voted)
            label = voted
        labels.append(label)
    return labels
