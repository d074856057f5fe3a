# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Paint a scene graph over its image: coloured segments, labels, arrows of the best relations."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from psg_ros.drawing.arrows import arrow_path, paint_arrow, text_centers
from psg_ros.drawing.chips import chip_box, chip_size, paint_chip, place_box
from psg_ros.drawing.palette import display_name, node_colors, shade, with_track_ids
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import SceneGraph, SceneNode, SceneRelation

FILL = 0.42
"""Our choice: opacity of the class colour over the image."""

_PREDICATE_BACKGROUND = (24, 26, 32)
_ARROW, _ARROW_CASING = (255, 255, 255), (24, 26, 32)
_SMALLEST_TEXT_PX = 7.0
# fmt: off
_STEPS = np.array([
    (0, 0), (0, -1.1), (0, 1.1), (-0.5, -1.1), (0.5, -1.1), (-0.5, 1.1), (0.5, 1.1),
    (0, -2.2), (0, 2.2), (-1.05, 0), (1.05, 0),
])
# fmt: on


def overlay(
    image_rgb: np.ndarray,
    graph: SceneGraph,
    vocabulary: Vocabulary,
    *,
    max_relations: int = 8,
    track_ids: Sequence[int] | None = None,
) -> np.ndarray:
    """Paint segments, labels and the best relations over an image; only nodes that are seen.

    Labels never overlap each other where that can be had: a label without room is left out unless
    an arrow starts or ends there. Texts that do not fit into a tiny image are left out too.

    Args:
        image_rgb: uint8 [height, width, 3], RGB; the size of the graph's label map. Not changed.
        max_relations: this many arrows at most, best first, one per directed pair.
        track_ids: one id per node, shown in its label.

    Returns:
        uint8 [height, width, 3], RGB; a new array.

    Raises:
        ValueError: the image is not uint8 RGB of the graph's size, or ids do not fit the nodes.
    """
    _check(image_rgb, graph)
    names = [f"{display_name(node.class_name)} {node.score:.2f}" for node in graph.nodes]
    texts = with_track_ids(names, track_ids)
    colors = node_colors([node.label for node in graph.nodes], vocabulary)
    text_px = _text_px(graph.segmentation.image_hw)
    canvas = _paint_segments(image_rgb, graph.segmentation.label_map, colors, text_px)
    # Nodes that are not seen lie behind the others and have no place in this image.
    num_seen = graph.segmentation.num_segments
    visible = [r for r in graph.relations if max(r.subject, r.object) < num_seen]
    relations = best_per_pair(visible, max_relations)
    boxes = _place_nodes(graph, relations, texts[:num_seen], text_px)
    _paint_relations(canvas, relations, boxes, text_px)
    for node, box in boxes.items():
        if texts[node] and _has_area(box):
            red, green, blue = colors[node].tolist()
            paint_chip(canvas, box, texts[node], text_px, (red, green, blue))
    return canvas


def best_per_pair(relations: Sequence[SceneRelation], limit: int) -> list[SceneRelation]:
    """Return the first relation of every directed pair, at most `limit`; the order is kept."""
    first: dict[tuple[int, int], SceneRelation] = {}
    for relation in relations:
        first.setdefault((relation.subject, relation.object), relation)
    return list(first.values())[: max(limit, 0)]


def anchor_points(graph: SceneGraph) -> np.ndarray:
    """Return a point of every segment where its label belongs, float64 [segment, 2], (x, y) px.

    The centroid, which moves calmly in a video, where the segment covers it; otherwise (rings,
    crescents) the point of the segment farthest from its border.
    """
    label_map = graph.segmentation.label_map
    points = np.zeros((len(graph.nodes), 2))
    for index, node in enumerate(graph.nodes):
        x, y = (int(value) for value in node.centroid_xy)
        covered = 0 <= y < label_map.shape[0] and 0 <= x < label_map.shape[1]
        covered = covered and label_map[y, x] == index
        points[index] = node.centroid_xy if covered else _innermost(label_map, index, node)
    return points


def _innermost(label_map: np.ndarray, segment: int, node: SceneNode) -> tuple[float, float]:
    left, top, right, bottom = node.bbox_xyxy
    step = max(1, min(right - left, bottom - top) // 48)  # coarse is good enough for a label
    mask = label_map[top:bottom:step, left:right:step] == segment
    if not mask.any():
        return node.centroid_xy
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return left + (int(column) - 1) * step + 0.5, top + (int(row) - 1) * step + 0.5


def _check(image_rgb: np.ndarray, graph: SceneGraph) -> None:
    expected = (*graph.segmentation.image_hw, 3)
    if image_rgb.dtype != np.uint8 or image_rgb.shape != expected:
        raise ValueError(
            f"image must be uint8 {list(expected)}, the size of the label map, "
            f"not {image_rgb.dtype} {list(image_rgb.shape)}"
        )


def _text_px(image_hw: tuple[int, int]) -> float:
    """Height of capital letters: 8 px at 480 lines, 18 px at 1080."""
    return max(_SMALLEST_TEXT_PX, round(0.0166 * min(image_hw), 1))


def _paint_segments(
    image: np.ndarray, label_map: np.ndarray, colors: np.ndarray, text_px: float
) -> np.ndarray:
    """Return the image with translucent segments and their thin borders; void stays as it is."""
    if not len(colors) or not label_map.size:
        return image.copy()
    # One table look-up paints all segments; packed into 32 bits a pixel is a single copy. Void is
    # -1, the last row of the table.
    table = np.zeros((len(colors) + 1, 4), np.uint8)
    table[:-1, :3] = colors
    paint = table.view(np.uint32)[:, 0][label_map].view(np.uint8).reshape(*label_map.shape, 4)
    paint = cv2.cvtColor(paint, cv2.COLOR_RGBA2RGB)
    canvas = cv2.addWeighted(image, 1 - FILL, paint, FILL, 0)
    if (void := label_map < 0).any():
        cv2.copyTo(image, void.view(np.uint8), canvas)
    border = np.flatnonzero(_borders(label_map, max(1, round(text_px / 8))))
    bright = np.array([shade(color, 0.3) for color in [*colors, (255, 255, 255)]], np.uint8)
    canvas.reshape(-1, 3)[border] = bright[label_map.ravel()[border]]
    return canvas


def _borders(label_map: np.ndarray, width_px: int) -> np.ndarray:
    """Return bool [H, W]: another segment lies within `width_px` to the left or above."""
    border = np.zeros(label_map.shape, bool)
    for step in range(1, width_px + 1):
        border[step:] |= label_map[step:] != label_map[:-step]
        border[:, step:] |= label_map[:, step:] != label_map[:, :-step]
    return border


def _place_nodes(
    graph: SceneGraph, relations: Sequence[SceneRelation], texts: Sequence[str], text_px: float
) -> dict[int, np.ndarray]:
    """Return the boxes of the labels by node; an arrow's end without a label has an empty box."""
    ends = {end for relation in relations for end in (relation.subject, relation.object)}
    height, width = graph.segmentation.image_hw
    anchors = anchor_points(graph)
    boxes: dict[int, np.ndarray] = {}
    order = sorted(range(len(texts)), key=lambda n: (n not in ends, -graph.nodes[n].area_px))
    for node in order:
        size = chip_size(texts[node], text_px)
        if node not in ends and graph.nodes[node].area_px < size[1] ** 2:
            continue  # its label would hide more than it names
        centers = _around(anchors[node], size)
        box = place_box(size, centers, list(boxes.values()), (width, height), force=node in ends)
        if box is None and node in ends:
            box = chip_box(anchors[node], (0, 0))
        if box is not None:
            boxes[node] = box
    return boxes


def _around(anchor: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the centres to try for a label: the anchor, then up, down and sideways of it."""
    return anchor + _STEPS * size_wh


def _paint_relations(
    canvas: np.ndarray,
    relations: Sequence[SceneRelation],
    boxes: dict[int, np.ndarray],
    text_px: float,
) -> None:
    height, width = canvas.shape[:2]
    taken = [box for box in boxes.values() if _has_area(box)]
    labels: list[tuple[np.ndarray, str]] = []
    small_px = round(0.92 * text_px, 1)
    for relation in relations:
        ends = boxes[relation.subject], boxes[relation.object]
        path = arrow_path(*ends, (width, height), gap_px=text_px / 4)
        paint_arrow(canvas, path, _ARROW, text_px / 5, _ARROW_CASING)
        if len(path) < 2:
            continue  # the labels of both ends touch: there is no way to write along
        size = chip_size(relation.predicate_name, small_px)
        centers = text_centers(path, size)
        box = place_box(size, centers, taken, (width, height), force=True)
        if box is not None:
            taken.append(box)
            labels.append((box, relation.predicate_name))
    for box, name in labels:  # after all arrows, so that none crosses a text
        paint_chip(canvas, box, name, small_px, _PREDICATE_BACKGROUND)


def _has_area(box: np.ndarray) -> bool:
    return bool((box[2:] > box[:2]).all())
