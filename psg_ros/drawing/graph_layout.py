# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the nodes and relations of a scene graph go on a page of their own.

Related nodes lie so that distances on the page follow distances in the graph; nodes without a drawn
relation line up small at the bottom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from psg_ros.drawing.arrows import arrow_path, inside_box, text_centers
from psg_ros.drawing.chips import chip_size, place_box
from psg_ros.drawing.palette import (
    Color,
    display_name,
    node_colors,
    numbered_names,
    with_track_ids,
)
from psg_ros.drawing.stress_layout import stress_layout
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import SceneGraph, SceneRelation

_BENDS = (0.0, 0.12, -0.12, 0.24, -0.24)
_ROUNDS = 120


@dataclass(frozen=True)
class PlacedNode:
    """A node's box (int64 [4], px), text and class colour."""

    box: np.ndarray
    text: str
    text_px: float
    color: Color
    is_thing: bool


@dataclass(frozen=True)
class PlacedRelation:
    """The arrow of one directed pair, float64 [point, 2] px, and its text; None: no room for it."""

    path: np.ndarray
    text: str
    text_px: float
    box: np.ndarray | None
    score: float


@dataclass(frozen=True)
class GraphLayout:
    """A page of `size_wh` px; `loose` are the nodes without a drawn relation."""

    size_wh: tuple[int, int]
    nodes: tuple[PlacedNode, ...]
    relations: tuple[PlacedRelation, ...]
    loose: tuple[PlacedNode, ...]


def layout_graph(
    graph: SceneGraph,
    vocabulary: Vocabulary,
    size_wh: tuple[int, int],
    *,
    max_relations: int = 20,
    track_ids: Sequence[int] | None = None,
    top_px: int = 0,
) -> GraphLayout:
    """Place the best relations, the nodes they join and the loose nodes.

    Args:
        max_relations: this many relations at most, best first; those of one directed pair share an
            arrow.
        track_ids: one id per node, shown in its text; None numbers the nodes of a class.
        top_px: height kept free at the top.

    Raises:
        ValueError: ids that do not fit the nodes.
    """
    width, height = size_wh
    text_px = max(7.0, 0.02 * min(size_wh))
    pairs = _by_pair(graph.relations[: max(max_relations, 0)])
    joined = sorted({end for pair in pairs for end in pair})
    nodes = _unplaced_nodes(graph, vocabulary, track_ids, text_px)
    loose = [_small(nodes[n]) for n in range(len(nodes)) if n not in joined]
    loose, bottom = _line_up(loose, size_wh)
    margin = round(2 * text_px)
    area = np.array(
        [margin, top_px + margin, width - margin, max(bottom - margin, top_px + margin)]
    )
    placed = dict(zip(joined, _place_joined(graph, joined, pairs, nodes, area), strict=True))
    relations = _place_relations(pairs, placed, text_px, size_wh)
    return GraphLayout(size_wh, tuple(placed.values()), tuple(relations), tuple(loose))


def _by_pair(
    relations: Sequence[SceneRelation],
) -> dict[tuple[int, int], list[SceneRelation]]:
    pairs: dict[tuple[int, int], list[SceneRelation]] = defaultdict(list)
    for relation in relations:
        if relation.subject != relation.object:
            pairs[relation.subject, relation.object].append(relation)
    return pairs


def _unplaced_nodes(
    graph: SceneGraph, vocabulary: Vocabulary, track_ids: Sequence[int] | None, text_px: float
) -> list[PlacedNode]:
    names = [node.class_name for node in graph.nodes]
    if track_ids is None:
        texts = numbered_names(names)
    else:
        texts = with_track_ids([display_name(name) for name in names], track_ids)
    colors = node_colors([node.label for node in graph.nodes], vocabulary)
    return [
        _at_origin(text, text_px, (int(r), int(g), int(b)), node.is_thing)
        for text, (r, g, b), node in zip(texts, colors, graph.nodes, strict=True)
    ]


def _at_origin(text: str, text_px: float, color: Color, is_thing: bool) -> PlacedNode:
    width, height = chip_size(text, text_px)
    extra = round(0.6 * text_px)
    box = np.array([0, 0, width + 2 * extra, height + extra])
    return PlacedNode(box, text, text_px, color, is_thing)


def _small(node: PlacedNode) -> PlacedNode:
    return _at_origin(node.text, 0.75 * node.text_px, node.color, node.is_thing)


def _moved(node: PlacedNode, corner: np.ndarray) -> PlacedNode:
    corner = np.maximum(np.rint(corner), 0).astype(np.int64)
    size = node.box[2:] - node.box[:2]
    return replace(node, box=np.concatenate((corner, corner + size)))


def _line_up(nodes: list[PlacedNode], size_wh: tuple[int, int]) -> tuple[list[PlacedNode], int]:
    """Fill rows from the bottom up; return the nodes and the height where the rows begin."""
    width, height = size_wh
    gap = round(0.02 * min(size_wh))
    rows: list[list[PlacedNode]] = [[]]
    used = gap
    for node in nodes:
        if rows[-1] and used + node.box[2] + gap > width:
            rows.append([])
            used = gap
        rows[-1].append(node)
        used += int(node.box[2]) + gap
    if not nodes:
        return [], height
    row_px = int(nodes[0].box[3]) + gap // 2
    top = height - gap - row_px * len(rows)
    placed = []
    for number, row in enumerate(rows):
        x = (width - sum(int(n.box[2]) + gap for n in row) + gap) // 2
        for node in row:
            placed.append(_moved(node, np.array([x, top + row_px * number])))
            x += int(node.box[2]) + gap
    return placed, top


def _place_joined(
    graph: SceneGraph,
    joined: list[int],
    pairs: dict[tuple[int, int], list[SceneRelation]],
    nodes: list[PlacedNode],
    area: np.ndarray,
) -> list[PlacedNode]:
    if not joined:
        return []
    sizes = np.array([nodes[n].box[2:] for n in joined], np.float64)
    start = np.array([graph.nodes[n].centroid_xy for n in joined], np.float64)
    links = np.array([[joined.index(end) for end in pair] for pair in pairs])
    points = stress_layout(start, links)
    room = _wanted_room(sizes, links, nodes[0].text_px)
    centers = _push_apart(_fill(points, area, sizes), room, sizes, area)
    return [
        _moved(nodes[n], center - size / 2)
        for n, center, size in zip(joined, centers, sizes, strict=True)
    ]


def _fill(points: np.ndarray, area: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Stretch the points over the area, each axis by itself."""
    low, high = area[:2] + sizes.max(axis=0) / 2, area[2:] - sizes.max(axis=0) / 2
    extent = np.ptp(points, axis=0)
    middle = np.where(extent > 1e-6, (points - points.min(axis=0)) / np.maximum(extent, 1e-6), 0.5)
    return low + middle * np.maximum(high - low, 0)


def _wanted_room(sizes: np.ndarray, links: np.ndarray, text_px: float) -> np.ndarray:
    """Return float64 [node, node, 2]: distance of the centres, in x or in y, that keeps two apart.

    Between joined nodes there must be room for a text and for some of the arrow.
    """
    room = (sizes[:, None] + sizes[None]) / 2 + 1.5 * text_px
    for one, other in (links.T, links.T[::-1]):
        room[one, other] += text_px * np.array([9.0, 3.5])
    return room


def _push_apart(
    centers: np.ndarray, room: np.ndarray, sizes: np.ndarray, area: np.ndarray
) -> np.ndarray:
    """Part nodes that have less than the wanted room, the shorter way, within the area."""
    low, high = area[:2] + sizes / 2, np.maximum(area[2:] - sizes / 2, area[:2] + sizes / 2)
    for _ in range(_ROUNDS):
        gaps = centers[:, None] - centers[None]
        overlap = room - np.abs(gaps)
        overlap[~(overlap > 0).all(axis=-1)] = 0
        overlap[np.arange(len(centers)), np.arange(len(centers))] = 0
        across = overlap[..., 0] / room[..., 0] < overlap[..., 1] / room[..., 1]
        push = overlap * np.stack((across, ~across), axis=-1)
        side = np.where(gaps < 0, -1.0, 1.0)
        # Two boxes on one spot must not move the same way.
        tied = (gaps == 0) & np.triu(np.ones(gaps.shape[:2], bool))[..., None]
        side[tied] = -1.0
        centers = np.clip(centers + 0.25 * (push * side).sum(axis=1), low, high)
    return centers


def _place_relations(
    pairs: dict[tuple[int, int], list[SceneRelation]],
    nodes: dict[int, PlacedNode],
    text_px: float,
    size_wh: tuple[int, int],
) -> list[PlacedRelation]:
    taken = [node.box for node in nodes.values()]
    small_px = round(0.82 * text_px, 1)
    placed = []
    for (subject, object_), relations in pairs.items():
        others = [node.box for index, node in nodes.items() if index not in (subject, object_)]
        bends = _BENDS[1::2] if (object_, subject) in pairs else _BENDS
        gap_px = text_px / 4
        paths = [
            arrow_path(nodes[subject].box, nodes[object_].box, size_wh, bend=bend, gap_px=gap_px)
            for bend in bends
        ]
        path = _clearest(paths, others, gap_px)
        text = ", ".join(f"{r.predicate_name} {r.confidence:.2f}" for r in relations)
        box = None
        if len(path) > 1:
            size = chip_size(text, small_px)
            box = place_box(size, text_centers(path, size), taken, size_wh, force=True)
        if box is not None:
            taken.append(box)
        placed.append(PlacedRelation(path, text, small_px, box, relations[0].confidence))
    return placed


def _clearest(
    paths: Sequence[np.ndarray], others: Sequence[np.ndarray], gap_px: float
) -> np.ndarray:
    """Return the path that runs behind the fewest other nodes, the first on equal terms.

    One that vanishes between its own two nodes comes last.
    """
    hidden = [sum(int(inside_box(path, box, gap_px).sum()) for box in others) for path in paths]
    best = min(range(len(paths)), key=lambda index: (len(paths[index]) < 2, hidden[index]))
    return paths[best]
