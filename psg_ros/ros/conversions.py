# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our results as ROS messages. What each field means is written in msg/*.msg.

Image data is always handed over as array.array('B'): any other type is checked value by value in
Python, which takes a hundred times longer.
"""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Vector3
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from psg_ros import msg as messages
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


@dataclass(frozen=True)
class FrameCounts:
    """What became of the camera's images since activation: the fields of PipelineTiming.msg."""

    received: int
    dropped: int
    failed: int
    skipped: int
    lost: int


def time_to_ns(time: Time) -> int:
    """Return a stamp in nanoseconds."""
    return time.sec * NANOSECONDS + time.nanosec


def ns_to_time(nanoseconds: int) -> Time:
    """Return nanoseconds (also negative ones) as a stamp.

    What a message can hold always fits: seconds beyond their 32 bits stay among the nanoseconds,
    as they were in a stamp that came with more than 999,999,999 of them.
    """
    sec = min(nanoseconds // NANOSECONDS, MAX_SEC)
    return Time(sec=sec, nanosec=nanoseconds - sec * NANOSECONDS)


def scene_graph_to_msg(graph: SceneGraph, header: Header) -> messages.SceneGraph:
    """Return the message of a graph, with the header of its image.

    The caller fills in what the graph does not know: activated, sequence, camera,
    vocabulary_version, timing.

    Raises:
        ValueError: more segments than a segment id can number.
    """
    height, width = graph.segmentation.image_hw
    message = messages.SceneGraph(header=header, image_width=width, image_height=height)
    message.quality = int(graph.quality)
    message.spatial_frame_id = graph.spatial_frame_id
    message.nodes = [_node_to_msg(node) for node in graph.nodes]
    ids = graph.node_ids
    message.relations = [_relation_to_msg(relation, ids) for relation in graph.relations]
    return message


def timing_to_msg(
    times: StageTimes, received: Time, published: Time, frames: FrameCounts
) -> messages.PipelineTiming:
    """Return stage times in ms, both ends on the node's clock, and what became of the images."""
    return messages.PipelineTiming(
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


def vocabulary_to_msg(
    vocabulary: Vocabulary, model_name: str, model_sha256: str, relation_threshold: float
) -> messages.GraphVocabulary:
    """Return the latched description of all ids; the caller sets stamp and version."""
    message = messages.GraphVocabulary(model_name=model_name, model_sha256=model_sha256)
    message.classes = [
        messages.ClassInfo(id=i, name=c.name, is_thing=c.is_thing, color=list(c.color_rgb))
        for i, c in enumerate(vocabulary.labels)
    ]
    message.predicates = [
        messages.PredicateInfo(
            id=i,
            name=p.name,
            inverse_name=p.inverse,
            symmetric=p.symmetric,
            threshold=float(relation_threshold),
        )
        for i, p in enumerate(vocabulary.predicates)
    ]
    return message


def segmentation_to_msg(segmentation: Segmentation, header: Header) -> Image:
    """Return the label image: each pixel its segment id (segment index + 1), 0 where void.

    mono8 up to 254 segments, mono16 above, in the size of the source image. Never 16UC1, which
    tools take for depth.

    Raises:
        ValueError: more segments than 16 bits can number.
    """
    small = segmentation.num_segments <= MAX_MONO8_SEGMENTS
    if segmentation.num_segments > MAX_SEGMENTS:
        raise ValueError(f"{segmentation.num_segments} segments, but at most {MAX_SEGMENTS}")
    ids = np.empty(segmentation.image_hw, np.uint8 if small else np.uint16)
    np.add(segmentation.label_map, 1, out=ids, casting="unsafe")
    return _image(ids, "mono8" if small else "mono16", header)


def rgb_to_msg(image_rgb: np.ndarray, header: Header) -> Image:
    """Return uint8 [height, width, 3] RGB as an rgb8 image."""
    return _image(image_rgb, "rgb8", header)


def _image(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    pixels = np.ascontiguousarray(pixels)
    data = array.array("B")
    data.frombytes(pixels.data.cast("B"))
    height, width = pixels.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding)
    message.step = pixels.strides[0]
    message.is_bigendian = int(sys.byteorder == "big")
    message.data = data
    return message


def _segment_id(segment: int) -> int:
    if segment >= MAX_SEGMENTS:
        raise ValueError(f"segment {segment} does not fit a segment id, the last is {MAX_SEGMENTS}")
    return segment + 1


def _node_to_msg(node: SceneNode) -> messages.SceneNode:
    left, top, right, bottom = node.bbox_xyxy
    message = messages.SceneNode(
        id=node.id,
        segment_id=_segment_id(node.segment),
        class_id=node.label,
        class_name=node.class_name,
        is_thing=node.is_thing,
        score=float(node.score),
        bbox=RegionOfInterest(x_offset=left, y_offset=top, width=right - left, height=bottom - top),
        centroid_x=float(node.centroid_xy[0]),
        centroid_y=float(node.centroid_xy[1]),
        area_px=node.area_px,
        truncated=node.truncated,
    )
    if node.track is not None:
        message.track_state = int(node.track.state)
        message.first_seen = ns_to_time(node.track.first_seen_ns)
    _set_position(message, node.position)
    return message


def _set_position(message: messages.SceneNode, position: Position | None) -> None:
    message.has_position = position is not None
    xyz, covariance, size = (
        (_NAN_3, _NAN_9, _NAN_3)
        if position is None
        else (position.xyz_m, position.covariance_m2, position.size_m)
    )
    message.position = Point(x=xyz[0], y=xyz[1], z=xyz[2])
    message.position_covariance = covariance
    message.size = Vector3(x=size[0], y=size[1], z=size[2])


def _relation_to_msg(relation: SceneRelation, node_ids: Sequence[int]) -> messages.SceneRelation:
    return messages.SceneRelation(
        subject_id=node_ids[relation.subject],
        object_id=node_ids[relation.object],
        predicate_id=relation.predicate,
        predicate_name=relation.predicate_name,
        score=float(relation.score),
        probability=float(relation.probability),
        source=int(relation.source),
        state=int(relation.state or 0),
        since=ns_to_time(relation.since_ns or 0),
    )
