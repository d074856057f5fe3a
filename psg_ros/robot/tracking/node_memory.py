# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that are not seen, as they were seen last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from psg_ros.scene_graph import VOID, SceneNode, Track


class NodeMemory:
    """The nodes of a stream's last graph; use it from one thread at a time."""

    def __init__(self) -> None:
        self._nodes: dict[int, SceneNode] = {}
        self._spatial_frame_id = ""

    def complete(
        self, seen: Sequence[SceneNode], coasting: Sequence[Track], spatial_frame_id: str
    ) -> tuple[SceneNode, ...]:
        """Return the nodes that are seen and, behind them, those of tracks that coast.

        Args:
            coasting: of nodes of the last graph; others are left out.
            spatial_frame_id: of positions in this image; a position in another frame is forgotten.
        """
        unseen = [
            replace(self._nodes[track.id], segment=VOID, track=track)
            for track in coasting
            if track.id in self._nodes
        ]
        if spatial_frame_id != self._spatial_frame_id:
            unseen = [replace(node, position=None) for node in unseen]
        nodes = (*seen, *unseen)
        self._nodes = {node.id: node for node in nodes}
        self._spatial_frame_id = spatial_frame_id
        return nodes
