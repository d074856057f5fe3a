# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one result type: what the pipeline returns, the evaluator scores and the message mirrors.

All arrays are numpy. Segment indices run 0..N-1 and are the values of the label map; N = 0 is an
ordinary result. "Object" always means the second end of a relation, never a thing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

VOID = -1


class TrackState(IntEnum):
    """How well established an identity is; the numbers are those of SceneNode.msg."""

    TENTATIVE = 1
    CONFIRMED = 2
    COASTING = 3


class RelationState(IntEnum):
    """How well established a relation is; the numbers are those of SceneRelation.msg."""

    TENTATIVE = 1
    CONFIRMED = 2
    FADING = 3


class RelationSource(IntEnum):
    """Where a relation comes from; the numbers are those of SceneRelation.msg."""

    MODEL = 1
    GEOMETRY = 2
    FUSED = 3
    OPEN_VOCABULARY = 4


class Quality(IntEnum):
    """How a graph came about; the numbers are those of SceneGraph.msg."""

    FULL = 1
    REDUCED = 2
    STALE = 3


@dataclass(frozen=True)
class Segmentation:
    """A partition of one image into labelled segments.

    Attributes:
        label_map: int32 [height, width]; each pixel its segment index 0..N-1, or `VOID` (-1).
        labels: int64 [segment]; contiguous label index of the vocabulary.
        scores: float32 [segment]; class confidence in [0, 1].

    Raises:
        ValueError: a wrong dtype, rank or length, or a label map that names an absent segment.
    """

    label_map: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        _check("label_map", self.label_map, np.int32, ("height", "width"))
        _check("labels", self.labels, np.int64, ("segment",))
        _check("scores", self.scores, np.float32, ("segment",))
        if len(self.labels) != len(self.scores):
            raise ValueError(f"{len(self.labels)} labels but {len(self.scores)} scores")
        highest = int(self.label_map.max(initial=VOID))
        if highest >= len(self.labels):
            raise ValueError(f"label map names segment {highest} of {len(self.labels)} segments")

    @property
    def num_segments(self) -> int:
        return len(self.labels)

    @property
    def image_hw(self) -> tuple[int, int]:
        height, width = self.label_map.shape
        return height, width


@dataclass(frozen=True)
class RelationScores:
    """What the relation stage says of every directed pair it looked at, unfiltered.

    Attributes:
        pairs: int32 [pair, 2]; (subject, object) segment indices, subject != object, no pair twice.
        logits: float32 [pair, 1 + predicate]; column 0 "no relation", predicate p in column p + 1.
        rank: float64 [pair], most important highest, where a method has an order of its own; None:
            the logits decide.
    """

    pairs: np.ndarray
    logits: np.ndarray
    rank: np.ndarray | None = None

    def __post_init__(self) -> None:
        _check("pairs", self.pairs, np.int32, ("pair", 2))
        _check("logits", self.logits, np.float32, ("pair", "predicate"))
        if len(self.pairs) != len(self.logits):
            raise ValueError(f"{len(self.pairs)} pairs but {len(self.logits)} rows of logits")
        if self.rank is not None:
            _check("rank", self.rank, np.float64, ("pair",))
            if len(self.pairs) != len(self.rank):
                raise ValueError(f"{len(self.pairs)} pairs but {len(self.rank)} ranks")

    def rows(self, chosen: np.ndarray) -> RelationScores:
        """Return some of the pairs, by their places."""
        rank = None if self.rank is None else self.rank[chosen]
        return RelationScores(self.pairs[chosen], self.logits[chosen], rank)


@dataclass(frozen=True)
class Track:
    """Identity of a node over the images of a stream.

    Attributes:
        id: from 1; stays with the thing or region and is never given to another one.
        first_seen_ns: stamp of the first image with it. An integer: seconds since 1970 as a float
            lose the nanosecond.
    """

    id: int
    state: TrackState
    first_seen_ns: int

    def __post_init__(self) -> None:
        if self.id < 1:
            raise ValueError(f"the id of a track must be 1 or more, not {self.id}")


@dataclass(frozen=True)
class Position:
    """Where a node is in space, in `SceneGraph.spatial_frame_id`.

    Attributes:
        xyz_m: robust centre of the visible surface [m].
        covariance_m2: of `xyz_m` [m^2], 3 x 3 row by row.
        size_m: extent along each axis [m], 0 or more.
    """

    xyz_m: tuple[float, ...]
    covariance_m2: tuple[float, ...]
    size_m: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, count in (("xyz_m", 3), ("covariance_m2", 9), ("size_m", 3)):
            values = getattr(self, name)
            if len(values) != count or not all(map(math.isfinite, values)):
                raise ValueError(f"{name} must hold {count} finite numbers, not {values}")
        if min(self.size_m) < 0:
            raise ValueError(f"size_m must not be negative, not {self.size_m}")


@dataclass(frozen=True)
class SceneNode:
    """One segment, described; px of the source image, origin top-left, u right, v down.

    Attributes:
        segment: index into the segmentation; the label image shows it as `segment + 1`. `VOID` for
            a node that is not seen in this image, whose track coasts: the rest is as it was last.
        label, class_name, is_thing: as in the vocabulary.
        score: class confidence in [0, 1]; with a track both are of a vote over the last images.
        bbox_xyxy: tight box in px, right and bottom exclusive.
        centroid_xy: centre of mass of the mask, px.
        area_px: number of pixels.
        truncated: the mask touches the image border.
        track: None without tracking.
        position: None where it was not measured.
    """

    segment: int
    label: int
    class_name: str
    is_thing: bool
    score: float
    bbox_xyxy: tuple[int, int, int, int]
    centroid_xy: tuple[float, float]
    area_px: int
    truncated: bool
    track: Track | None = None
    position: Position | None = None

    @property
    def id(self) -> int:
        """What relations, lists and drawings name this node by: its track's id, where it has one.

        Otherwise the number of its segment, from 1, which says nothing about other images.
        """
        return self.segment + 1 if self.track is None else self.track.id

    def __post_init__(self) -> None:
        if self.segment == VOID and self.track is None:
            raise ValueError("a node without a segment must have a track")


@dataclass(frozen=True)
class SceneRelation:
    """One scored triplet between two nodes.

    Attributes:
        subject, object: indices into `SceneGraph.nodes`.
        score: in [0, 1], for ranking: what the model said, or how clearly the geometry shows it.
            With a state it is the mean over the last images.
        probability: that it holds, in [0, 1]; NaN without a calibration, see
            `psg_ros.robot.calibration`, and where geometry had a say.
        state: None where relations are not tracked.
        since_ns: stamp of the image at which it became confirmed, also while it fades; None before.
    """

    subject: int
    object: int
    predicate: int
    predicate_name: str
    score: float
    probability: float = math.nan
    source: RelationSource = RelationSource.MODEL
    state: RelationState | None = None
    since_ns: int | None = None

    @property
    def confidence(self) -> float:
        """What lists of relations are sorted by: the probability, the score where that is NaN."""
        return self.score if math.isnan(self.probability) else self.probability


@dataclass(frozen=True)
class StageTimes:
    """Wall-clock milliseconds of one frame."""

    preprocess_ms: float = 0.0
    inference_ms: float = 0.0
    postprocess_ms: float = 0.0


@dataclass(frozen=True)
class SceneGraph:
    """Nodes and relations of one image.

    Attributes:
        segmentation: the masks and labels; `nodes[i]` describes segment i.
        nodes: one per segment, in segment order; behind them those that are not seen.
        relations: highest probability first (score where that is NaN); filtered by the pipeline's
            threshold and cap, both of which look at scores.
        relation_scores: all directed pairs, for metrics; None when read from a file without them.
        times: how long the stages took.
        spatial_frame_id: coordinate frame of all positions; empty where there are none.
        quality: whether the graph was made as configured.

    Raises:
        ValueError: nodes that do not fit the segments, two nodes with one id, or positions without
            their frame.
    """

    segmentation: Segmentation
    nodes: tuple[SceneNode, ...]
    relations: tuple[SceneRelation, ...]
    relation_scores: RelationScores | None = None
    times: StageTimes = StageTimes()
    spatial_frame_id: str = ""
    quality: Quality = Quality.FULL

    def __post_init__(self) -> None:
        seen = [node for node in self.nodes if node.segment != VOID]
        if len(seen) != self.segmentation.num_segments:
            raise ValueError(f"{len(seen)} nodes for {self.segmentation.num_segments} segments")
        if any(node.segment != place for place, node in enumerate(self.nodes[: len(seen)])):
            raise ValueError("nodes must be in segment order, those that are not seen behind them")
        if len(set(self.node_ids)) != len(self.nodes):
            raise ValueError(f"two nodes have one id: {self.node_ids}")
        if not self.spatial_frame_id and any(node.position for node in self.nodes):
            raise ValueError("nodes have positions, but spatial_frame_id names no frame for them")

    @property
    def node_ids(self) -> list[int]:
        """What drawings, lists and messages name each node by; see `SceneNode.id`."""
        return [node.id for node in self.nodes]


def _check(name: str, array: np.ndarray, dtype: type, axes: tuple[str | int, ...]) -> None:
    fits = array.dtype == dtype and array.ndim == len(axes)
    fits = fits and all(
        not isinstance(a, int) or a == n for a, n in zip(axes, array.shape, strict=True)
    )
    if not fits:
        expected = f"{np.dtype(dtype).name} [{', '.join(map(str, axes))}]"
        raise ValueError(f"{name} must be {expected}, not {array.dtype} {list(array.shape)}")
