# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our messages back into our own types, for a subscriber that draws and prints."""

from __future__ import annotations

import numpy as np

from psg_ros import msg as messages
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.ros.demo.live_view import ReceivedGraph
from psg_ros.scene_graph import VOID, SceneGraph, SceneNode, SceneRelation, Segmentation


def vocabulary_from_msg(message: messages.GraphVocabulary) -> Vocabulary:
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


def graph_from_msg(message: messages.SceneGraph) -> ReceivedGraph:
    """Return the graph with the ids it has on the wire; without masks, every pixel is void."""
    entries = sorted(message.nodes, key=lambda entry: entry.segment_id)
    ids = tuple(entry.id for entry in entries)
    place = {number: index for index, number in enumerate(ids)}
    nodes = tuple(_node(entry, index) for index, entry in enumerate(entries))
    relations = tuple(
        SceneRelation(
            place[entry.subject_id],
            place[entry.object_id],
            entry.predicate_id,
            entry.predicate_name,
            entry.score,
            entry.probability,
        )
        for entry in message.relations
    )
    segmentation = Segmentation(
        np.full((message.image_height, message.image_width), VOID, np.int32),
        np.array([entry.class_id for entry in entries], np.int64),
        np.array([entry.score for entry in entries], np.float32),
    )
    return ReceivedGraph(SceneGraph(segmentation, nodes, relations), ids)


def _node(entry: messages.SceneNode, segment: int) -> SceneNode:
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
    )
