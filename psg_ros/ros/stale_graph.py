# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A graph for an image that nobody worked on: what was known before it, and said to be so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psg_ros.scene_graph import VOID, Quality, SceneGraph, Segmentation, TrackState


def stale_graph(last: SceneGraph) -> SceneGraph:
    """Return the nodes of the last graph as coasting tracks, and the relations between them.

    Nothing is segmented: every pixel is void. Positions are left out, since the camera may have
    moved. Nodes without a track cannot be named again and are left out, too.
    """
    places = {i: place for place, i in enumerate(_tracked(last))}
    nodes = tuple(
        replace(
            node,
            segment=VOID,
            track=replace(node.track, state=TrackState.COASTING),
            position=None,
        )
        for node in (last.nodes[i] for i in places)
        if node.track is not None
    )
    relations = tuple(
        replace(relation, subject=places[relation.subject], object=places[relation.object])
        for relation in last.relations
        if relation.subject in places and relation.object in places
    )
    nothing = Segmentation(
        np.full(last.segmentation.image_hw, VOID, np.int32),
        np.zeros(0, np.int64),
        np.zeros(0, np.float32),
    )
    return SceneGraph(nothing, nodes, relations, quality=Quality.STALE)


def _tracked(graph: SceneGraph) -> list[int]:
    return [i for i, node in enumerate(graph.nodes) if node.track is not None]
