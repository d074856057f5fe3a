# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene graph on a page of its own, as SVG or as an image: boxes joined by labelled arrows.

Things are filled boxes in their class colour, stuff is pale with a coloured border; the paler and
thinner an arrow, the less sure the relation.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np

from psg_ros.drawing.arrows import arrow_shape, paint_arrow
from psg_ros.drawing.chips import chip_box, chip_size, paint_chip, paint_rounded_box
from psg_ros.drawing.graph_layout import (
    GraphLayout,
    PlacedNode,
    PlacedRelation,
    layout_graph,
)
from psg_ros.drawing.palette import Color, shade, text_color
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import SceneGraph

_SVG_SIZE_WH = (960, 720)
_SMALLEST_WH = (160, 120)
_PAGE: Color = (250, 251, 253)
_INK: Color = (30, 34, 42)
_QUIET_INK: Color = (120, 126, 138)
_LINE: Color = (64, 72, 88)
_CAP_SHARE = 0.72
"""Height of a capital letter per font size, in common sans-serif fonts."""


def graph_svg(
    graph: SceneGraph,
    vocabulary: Vocabulary,
    *,
    title: str = "",
    max_relations: int = 20,
    track_ids: Sequence[int] | None = None,
) -> str:
    """Return a standalone SVG document of the nodes and the best relations.

    Args:
        title: written on top; any text, it is escaped.
        max_relations: this many relations at most, best first.
        track_ids: one id per node, shown in its box; None numbers the nodes of a class.

    Raises:
        ValueError: ids that do not fit the nodes.
    """
    top_px = 48 if title else 0
    page = layout_graph(
        graph,
        vocabulary,
        _SVG_SIZE_WH,
        max_relations=max_relations,
        track_ids=track_ids,
        top_px=top_px,
    )
    width, height = page.size_wh
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Rubik, Inter, Helvetica, Arial, sans-serif">',
        f"<title>{escape(title or 'scene graph')}</title>",
        f'<rect width="{width}" height="{height}" fill="{_hex(_PAGE)}"/>',
    ]
    if title:
        parts.append(_svg_text(title, (width / 2, 34), 16, _INK))
    if message := _message(page):
        parts.append(_svg_text(message, (width / 2, height / 2), 16, _QUIET_INK))
    parts += [_svg_arrow(relation) for relation in page.relations if len(relation.path) > 1]
    parts += [_svg_node(node) for node in (*page.nodes, *page.loose)]
    parts += [_svg_relation_text(relation) for relation in page.relations]
    return "\n".join([*filter(None, parts), "</svg>", ""])


def graph_picture(
    graph: SceneGraph,
    vocabulary: Vocabulary,
    size_wh: tuple[int, int] = (960, 720),
    *,
    max_relations: int = 20,
    track_ids: Sequence[int] | None = None,
) -> np.ndarray:
    """Return the page of `graph_svg` as an image, uint8 [height, width, 3], RGB.

    Args:
        size_wh: (width, height) in px, at least 160 x 120.
        max_relations: this many relations at most, best first.
        track_ids: one id per node, shown in its box; None numbers the nodes of a class.

    Raises:
        ValueError: the page is too small for any text, or ids do not fit the nodes.
    """
    if size_wh[0] < _SMALLEST_WH[0] or size_wh[1] < _SMALLEST_WH[1]:
        raise ValueError(f"size_wh must be at least {_SMALLEST_WH}, not {tuple(size_wh)}")
    page = layout_graph(
        graph, vocabulary, size_wh, max_relations=max_relations, track_ids=track_ids
    )
    canvas = np.full((size_wh[1], size_wh[0], 3), _PAGE, np.uint8)
    if message := _message(page):
        text_px = max(8.0, 0.022 * min(size_wh))
        box = chip_box((size_wh[0] / 2, size_wh[1] / 2), chip_size(message, text_px))
        paint_chip(canvas, box, message, text_px, _PAGE)
    for relation in page.relations:
        paint_arrow(canvas, relation.path, _line_color(relation), _line_px(relation))
    for node in (*page.nodes, *page.loose):
        _paint_node(canvas, node)
    for relation in page.relations:
        if relation.box is not None:
            paint_chip(canvas, relation.box, relation.text, relation.text_px, _PAGE)
    return canvas


def _message(page: GraphLayout) -> str:
    if not page.nodes and not page.loose:
        return "no segments"
    return "" if page.relations else "no relations"


def _paint_node(canvas: np.ndarray, node: PlacedNode) -> None:
    radius = _radius(node)
    paint_rounded_box(canvas, node.box, node.color, radius)
    if not node.is_thing:
        border = _border_px(node)
        inner = node.box + np.array([border, border, -border, -border])
        paint_rounded_box(canvas, inner, _fill_color(node), radius - border)
    text_box = chip_box((node.box[:2] + node.box[2:]) / 2, chip_size(node.text, node.text_px))
    paint_chip(canvas, np.maximum(text_box, 0), node.text, node.text_px, _fill_color(node))


def _fill_color(node: PlacedNode) -> Color:
    return node.color if node.is_thing else shade(node.color, 0.8)


def _radius(node: PlacedNode) -> int:
    return int(node.box[3] - node.box[1]) // 3


def _border_px(node: PlacedNode) -> int:
    return max(2, round(node.text_px / 7))


def _line_color(relation: PlacedRelation) -> Color:
    return shade(_LINE, 0.65 * (1 - min(max(relation.score, 0.0), 1.0)))


def _line_px(relation: PlacedRelation) -> float:
    return relation.text_px * (0.1 + 0.1 * min(max(relation.score, 0.0), 1.0))


def _svg_node(node: PlacedNode) -> str:
    border = 0 if node.is_thing else _border_px(node)
    left, top, right, bottom = node.box
    return (
        f'<rect x="{left + border / 2}" y="{top + border / 2}" '
        f'width="{right - left - border}" height="{bottom - top - border}" rx="{_radius(node)}" '
        f'fill="{_hex(_fill_color(node))}" stroke="{_hex(node.color)}" stroke-width="{border}"/>'
        + _svg_text(
            node.text,
            ((left + right) / 2, (top + bottom + node.text_px) / 2),
            node.text_px,
            text_color(_fill_color(node)),
        )
    )


def _svg_arrow(relation: PlacedRelation) -> str:
    shaft, head = arrow_shape(relation.path, 3.2 * _line_px(relation) + 3)
    color = _hex(_line_color(relation))
    return (
        f'<polyline points="{_svg_points(shaft)}" fill="none" stroke="{color}" '
        f'stroke-width="{_line_px(relation):.2f}" stroke-linecap="round"/>'
        f'<polygon points="{_svg_points(head)}" fill="{color}"/>'
    )


def _svg_relation_text(relation: PlacedRelation) -> str:
    if relation.box is None:
        return ""
    left, top, right, bottom = relation.box
    return (
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" rx="4" '
        f'fill="{_hex(_PAGE)}"/>'
        + _svg_text(
            relation.text,
            ((left + right) / 2, (top + bottom + relation.text_px) / 2),
            relation.text_px,
            _INK,
        )
    )


def _svg_text(text: str, base_xy: tuple[float, float], text_px: float, color: Color) -> str:
    """Return text centred over a point of its base line; capitals are `text_px` high."""
    return (
        f'<text x="{base_xy[0]:.1f}" y="{base_xy[1]:.1f}" font-size="{text_px / _CAP_SHARE:.1f}" '
        f'font-weight="500" text-anchor="middle" fill="{_hex(color)}">{escape(text)}</text>'
    )


def _svg_points(points: np.ndarray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
