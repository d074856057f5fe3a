# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our results as messages, of ROS or of a bag. What each field means is written in msg/*.msg.

Which classes a message is made of is the caller's choice: `psg_ros.ros.conversions` gives those
of rclpy, `psg_ros.bags.message_types` those that a bag is written with where no ROS is.
"""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from psg_ros.graph_delta import Delta
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import (
    Position,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    StageTimes,
)

MAX_MONO8_SEGMENTS = 254
MAX_SEGMENTS = 65_534
NANOSECONDS = 1_000_000_000
MAX_SEC = 2**31 - 1

_NAN_3, _NAN_9 = (math.nan,) * 3, (math.nan,) * 9

Message = Any
"""A message of one of `MessageFactory`'s classes."""


@dataclass(frozen=True)
class FrameCounts:
    """What became of the camera's images since activation: the fields of PipelineTiming.msg."""

    received: int
    dropped: int
    failed: int
    skipped: int
    lost: int


def time_to_ns(time: Message) -> int:
    """Return a stamp in nanoseconds."""
    return int(time.sec) * NANOSECONDS + int(time.nanosec)


def segment_ids(segmentation: Segmentation) -> np.ndarray:
    """Return the label image, uint8 or uint16 [height, width]; see `MessageFactory.segmentation`.

    Raises:
        ValueError: more segments than 16 bits can number.
    """
    if segmentation.num_segments > MAX_SEGMENTS:
        raise ValueError(f"{segmentation.num_segments} segments, but at most {MAX_SEGMENTS}")
    small = segmentation.num_segments <= MAX_MONO8_SEGMENTS
    ids = np.empty(segmentation.image_hw, np.uint8 if small else np.uint16)
    np.add(segmentation.label_map, 1, out=ids, casting="unsafe")
    return ids


def grey_encoding(pixels: np.ndarray) -> str:
    """Return the encoding of a grey image by its dtype: mono8 or mono16."""
    return f"mono{8 * pixels.itemsize}"


class MessageFactory:
    """Makes messages.

    Image data is always handed over as array.array('B'): rclpy checks any other type value by value
    in Python, which takes a hundred times longer.

    Args:
        types: has each class of message as an attribute (`SceneGraph`, `Header`, ...), whose fields
            are unset (0, empty) where its constructor is not given them.
    """

    def __init__(self, types: Any) -> None:
        self.types = types

    def time(self, nanoseconds: int) -> Message:
        """Return nanoseconds (also negative ones) as a stamp.

        What a message can hold always fits: seconds beyond their 32 bits stay among the
        nanoseconds, as they were in a stamp that came with more than 999,999,999 of them.
        """
        sec = min(nanoseconds // NANOSECONDS, MAX_SEC)
        return self.types.Time(sec=sec, nanosec=nanoseconds - sec * NANOSECONDS)

    def scene_graph(self, graph: SceneGraph, header: Message) -> Message:
        """Return the message of a graph, with the header of its image.

        The caller fills in what the graph does not know: activated, sequence, camera,
        vocabulary_version, timing.

        Raises:
            ValueError: more segments than a segment id can number.
        """
        height, width = graph.segmentation.image_hw
        kind = self.types.SceneGraph
        message = kind(header=header, image_width=width, image_height=height)
        message.schema_version = kind.SCHEMA_VERSION
        message.quality = int(graph.quality)
        message.spatial_frame_id = graph.spatial_frame_id
        message.nodes = [self._node(node) for node in graph.nodes]
        ids = graph.node_ids
        message.relations = [self._relation(relation, ids) for relation in graph.relations]
        return message

    def timing(
        self, times: StageTimes, received: Message, published: Message, frames: FrameCounts
    ) -> Message:
        """Return stage times in ms, both ends on the node's clock, and the counts of images."""
        return self.types.PipelineTiming(
            received=received,
            published=published,
            preprocess_ms=float(times.preprocess_ms),
            inference_ms=float(times.inference_ms),
            postprocess_ms=float(times.postprocess_ms),
            received_frames=frames.received,
            dropped_frames=frames.dropped,
            failed_frames=frames.failed,
            skipped_frames=frames.skipped,
            lost_frames=frames.lost,
        )

    def vocabulary(
        self, vocabulary: Vocabulary, model_name: str, model_sha256: str, relation_threshold: float
    ) -> Message:
        """Return the latched description of all ids; the caller sets stamp and version."""
        message = self.types.GraphVocabulary(model_name=model_name, model_sha256=model_sha256)
        message.classes = [
            self.types.ClassInfo(id=i, name=c.name, is_thing=c.is_thing, color=list(c.color_rgb))
            for i, c in enumerate(vocabulary.labels)
        ]
        message.predicates = [
            self.types.PredicateInfo(
                id=i,
                name=p.name,
                inverse_name=p.inverse,
                symmetric=p.symmetric,
                threshold=float(relation_threshold),
            )
            for i, p in enumerate(vocabulary.predicates)
        ]
        return message

    def delta(self, delta: Delta) -> Message:
        """Return the message of a delta, with nodes and relations of the graph's message."""
        fields = delta.fields()
        keys = [self.types.RelationKey(**key._asdict()) for key in delta.removed_relations]
        return self.types.GraphDelta(**(fields | {"removed_relations": keys}))

    def segmentation(self, segmentation: Segmentation, header: Message) -> Message:
        """Return the label image: each pixel its segment id (segment index + 1), 0 where void.

        mono8 up to 254 segments, mono16 above, in the size of the label map. Never 16UC1, which
        tools take for depth.

        Raises:
            ValueError: more segments than 16 bits can number.
        """
        ids = segment_ids(segmentation)
        return self._image(ids, grey_encoding(ids), header)

    def rgb(self, image_rgb: np.ndarray, header: Message) -> Message:
        """Return uint8 [height, width, 3] RGB as an rgb8 image."""
        return self._image(image_rgb, "rgb8", header)

    def depth(self, metres: np.ndarray, header: Message) -> Message:
        """Return float32 [height, width] as a 32FC1 image (REP 118)."""
        return self._image(metres, "32FC1", header)

    def _image(self, pixels: np.ndarray, encoding: str, header: Message) -> Message:
        pixels = np.ascontiguousarray(pixels)
        data = array.array("B")
        data.frombytes(pixels.data.cast("B"))
        height, width = pixels.shape[:2]
        message = self.types.Image(header=header, height=height, width=width, encoding=encoding)
        message.step = pixels.strides[0]
        message.is_bigendian = int(sys.byteorder == "big")
        message.data = data
        return message

    def _node(self, node: SceneNode) -> Message:
        left, top, right, bottom = node.bbox_xyxy
        message = self.types.SceneNode(
            id=node.id,
            segment_id=_segment_id(node.segment),
            class_id=node.label,
            class_name=node.class_name,
            is_thing=node.is_thing,
            score=float(node.score),
            bbox=self.types.RegionOfInterest(
                x_offset=left, y_offset=top, width=right - left, height=bottom - top
            ),
            centroid_x=float(node.centroid_xy[0]),
            centroid_y=float(node.centroid_xy[1]),
            area_px=node.area_px,
            truncated=node.truncated,
        )
        if node.track is not None:
            message.track_state = int(node.track.state)
            message.first_seen = self.time(node.track.first_seen_ns)
        self._set_position(message, node.position)
        return message

    def _set_position(self, message: Message, position: Position | None) -> None:
        message.has_position = position is not None
        xyz, covariance, size = (
            (_NAN_3, _NAN_9, _NAN_3)
            if position is None
            else (position.xyz_m, position.covariance_m2, position.size_m)
        )
        message.position = self.types.Point(x=xyz[0], y=xyz[1], z=xyz[2])
        message.position_covariance = covariance
        message.size = self.types.Vector3(x=size[0], y=size[1], z=size[2])

    def _relation(self, relation: SceneRelation, node_ids: Sequence[int]) -> Message:
        return self.types.SceneRelation(
            subject_id=node_ids[relation.subject],
            object_id=node_ids[relation.object],
            predicate_id=relation.predicate,
            predicate_name=relation.predicate_name,
            score=float(relation.score),
            probability=float(relation.probability),
            source=int(relation.source),
            state=int(relation.state or 0),
            since=self.time(relation.since_ns or 0),
        )


def _segment_id(segment: int) -> int:
    if segment >= MAX_SEGMENTS:
        raise ValueError(f"segment {segment} does not fit a segment id, the last is {MAX_SEGMENTS}")
    return segment + 1
