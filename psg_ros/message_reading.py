# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our messages, of ROS or of a bag, back into our own types: for what draws and prints."""

from __future__ import annotations

import numpy as np

from psg_ros.graph_messages import Message, time_to_ns
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.scene_graph import (
    VOID,
    Position,
    Quality,
    RelationSource,
    RelationState,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
    TrackState,
)


def vocabulary_from_msg(message: Message) -> Vocabulary:
    """Return the vocabulary that a node announced."""
    labels = (
        ObjectLabel(
            entry.name,
            entry.is_thing,
            (int(entry.color[0]), int(entry.color[1]), int(entry.color[2])),
        )
        for entry in message.classes
    )
    predicates = (Predicate(p.name, p.inverse_name, p.symmetric) for p in message.predicates)
    return Vocabulary(tuple(labels), tuple(predicates))


def graph_from_msg(message: Message) -> SceneGraph:
    """Return the graph; without masks, every pixel is void."""
    seen = sorted((n for n in message.nodes if n.segment_id), key=lambda entry: entry.segment_id)
    entries = [*seen, *(entry for entry in message.nodes if not entry.segment_id)]
    place = {entry.id: index for index, entry in enumerate(entries)}
    segmentation = Segmentation(
        np.full((message.image_height, message.image_width), VOID, np.int32),
        np.array([entry.class_id for entry in seen], np.int64),
        np.array([entry.score for entry in seen], np.float32),
    )
    return SceneGraph(
        segmentation,
        tuple(_node(n, i if n.segment_id else VOID) for i, n in enumerate(entries)),
        tuple(_relation(entry, place) for entry in message.relations),
        spatial_frame_id=message.spatial_frame_id,
        quality=Quality(message.quality),
    )


def _node(entry: Message, segment: int) -> SceneNode:
    box = entry.bbox
    left, top = box.x_offset, box.y_offset
    return SceneNode(
        segment=segment,
        label=entry.class_id,
        class_name=entry.class_name,
        is_thing=entry.is_thing,
        score=entry.score,
        bbox_xyxy=(left, top, left + box.width, top + box.height),
        centroid_xy=(entry.centroid_x, entry.centroid_y),
        area_px=entry.area_px,
        truncated=entry.truncated,
        track=_track(entry),
        position=_position(entry),
    )


def _track(entry: Message) -> Track | None:
    if not entry.track_state:
        return None
    return Track(entry.id, TrackState(entry.track_state), time_to_ns(entry.first_seen))


def _position(entry: Message) -> Position | None:
    if not entry.has_position:
        return None
    xyz, size = entry.position, entry.size
    covariance = tuple(entry.position_covariance.tolist())
    return Position((xyz.x, xyz.y, xyz.z), covariance, (size.x, size.y, size.z))


def _relation(entry: Message, place: dict[int, int]) -> SceneRelation:
    return SceneRelation(
        place[entry.subject_id],
        place[entry.object_id],
        entry.predicate_id,
        entry.predicate_name,
        entry.score,
        entry.probability,
        RelationSource(entry.source),
        RelationState(entry.state) if entry.state else None,
        time_to_ns(entry.since) or None,
    )
