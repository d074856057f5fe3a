# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Puts together what belongs to one image: graph, label image and camera image of one stamp."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from psg_ros.graph_messages import time_to_ns
from psg_ros.scene_graph import VOID, Quality, SceneGraph, Segmentation

PATIENCE = 5
"""So many newer graphs may come before one goes out without its pictures (our choice)."""

_MOST_PICTURES = 30
"""Pictures without a graph that are kept: the model may be slower than the camera (our choice)."""


@dataclass(frozen=True)
class Scene:
    """What is shown of one image.

    Attributes:
        stamp_ns: of the image.
        graph: every pixel of its label map is void where masks are not known.
        image: uint8 [height, width, 3] RGB, or None.
    """

    stamp_ns: int
    graph: SceneGraph
    image: np.ndarray | None = None


Key = tuple[int, str]
"""Stamp in ns and coordinate frame: those of the image, which all that is made of it copies."""


class Matcher:
    """Give it parts in any order; it gives whole scenes, in the order of their graphs.

    Args:
        with_masks, with_images: which parts a scene waits for.
    """

    def __init__(self, with_masks: bool, with_images: bool) -> None:
        self._with = {"masks": with_masks, "image": with_images}
        self._graphs: dict[Key, SceneGraph] = {}
        self._parts: dict[str, dict[Key, np.ndarray]] = {"masks": {}, "image": {}}

    def put_graph(self, key: Key, graph: SceneGraph) -> None:
        """Take a graph."""
        self._graphs[key] = graph

    def put_label_image(self, key: Key, ids: np.ndarray) -> None:
        """Take segment ids [height, width], 0 where void."""
        self._put("masks", key, ids)

    def put_image(self, key: Key, image_rgb: np.ndarray) -> None:
        """Take a camera image, uint8 [height, width, 3] RGB."""
        self._put("image", key, image_rgb)

    def scenes(self, is_end: bool = False) -> Iterator[Scene]:
        """Yield those that are whole or have waited long enough; at the end, all that is left."""
        while self._graphs:
            key, graph = next(iter(self._graphs.items()))
            # Of a stale graph no masks are made.
            never = {"masks"} if graph.quality == Quality.STALE else ()
            is_whole = all(
                key in self._parts[name]
                for name, wanted in self._with.items()
                if wanted and name not in never
            )
            if not (is_whole or is_end or len(self._graphs) > PATIENCE):
                return
            masks = self._parts["masks"].pop(key, None)
            del self._graphs[key]
            graph = graph if masks is None else with_masks(graph, masks)
            yield Scene(key[0], graph, self._parts["image"].pop(key, None))

    def _put(self, name: str, key: Key, value: np.ndarray) -> None:
        parts = self._parts[name]
        parts[key] = value
        while len(parts) > _MOST_PICTURES:
            del parts[next(iter(parts))]


def with_masks(graph: SceneGraph, ids: np.ndarray) -> SceneGraph:
    """Return the graph with the masks of its label image, which may be smaller than the image."""
    label_map = ids.astype(np.int32) - 1
    # A label image of another graph must not name segments that are not there.
    label_map[label_map >= graph.segmentation.num_segments] = VOID
    old = graph.segmentation
    return replace(graph, segmentation=Segmentation(label_map, old.labels, old.scores))


def key_of(header: Any) -> Key:
    """Return what a message is matched by."""
    return time_to_ns(header.stamp), header.frame_id


def ids_of(message: Any) -> np.ndarray:
    """Return the segment ids [height, width] of a label image message, mono8 or mono16."""
    dtype = np.dtype(np.uint8 if message.encoding == "mono8" else np.uint16)
    dtype = dtype.newbyteorder(">" if message.is_bigendian else "<")
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    return rows[:, : message.width * dtype.itemsize].copy().view(dtype)
