# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small charts as SVG text for an HTML page; drawn here so that a robot needs no plotting package.

Colours and line widths are CSS classes of the page (`psg_ros.evaluation.report.page_style`).
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 42
"""Margins in px that hold ticks and titles."""


class Chart:
    """Axes from 0 to a rounded-up maximum; draw into them, then take `svg`.

    Args:
        x_max, y_max: the largest values to come; the axes end at the next tick.
    """

    def __init__(self, x_title: str, y_title: str, x_max: float, y_max: float) -> None:
        self._x_step, self._y_step = tick_step(x_max), tick_step(y_max)
        self._x_end = _round_up(x_max, self._x_step)
        self._y_end = _round_up(y_max, self._y_step)
        self._parts = [*self._axes(), *_titles(x_title, y_title)]

    def bar(self, low: float, high: float, top: float, css: str, hint: str) -> None:
        """Draw a bar over low..high; `hint` shows under the mouse."""
        left, right = self._x(low), self._x(high)
        y, bottom = self._y(top), self._y(0)
        self._parts.append(
            f'<rect class="{css}" x="{left + 0.5:.1f}" y="{y:.1f}" '
            f'width="{max(right - left - 1, 0.5):.1f}" height="{bottom - y:.1f}">'
            f"<title>{html.escape(hint)}</title></rect>"
        )

    def line(self, points: Sequence[tuple[float, float]], css: str) -> None:
        """Join points (x, y)."""
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        self._parts.append(f'<polyline class="{css}" points="{path}"/>')

    def dot(self, x: float, y: float, css: str, hint: str) -> None:
        """Mark one point; `hint` shows under the mouse."""
        self._parts.append(
            f'<circle class="{css}" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="4">'
            f"<title>{html.escape(hint)}</title></circle>"
        )

    @property
    def svg(self) -> str:
        """The chart as one SVG element."""
        inside = "".join(self._parts)
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="chart">{inside}</svg>'

    def _x(self, value: float) -> float:
        return LEFT + value / self._x_end * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self._y_end * (HEIGHT - TOP - BOTTOM)

    def _axes(self) -> list[str]:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = []
        for value in _ticks(self._y_end, self._y_step):
            y = self._y(value)
            parts.append(f'<path class="grid" d="M{LEFT},{y:.1f}H{right}"/>')
            parts.append(_text(LEFT - 6, y + 4, f"{value:g}", "end"))
        for value in _ticks(self._x_end, self._x_step):
            parts.append(_text(self._x(value), bottom + 16, f"{value:g}", "middle"))
        parts.append(f'<path class="axis" d="M{LEFT},{bottom}H{right}"/>')
        return parts


def tick_step(maximum: float) -> float:
    """Return 1, 2 or 5 times a power of ten that divides 0..maximum into four to ten steps."""
    if not maximum > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(maximum / 4))
    return max(step * power for step in (1, 2, 5) if step * power <= maximum / 4 * (1 + 1e-9))


def _round_up(maximum: float, step: float) -> float:
    return max(math.ceil(maximum / step - 1e-9), 1) * step


def _ticks(end: float, step: float) -> list[float]:
    return [round(index * step, 10) for index in range(round(end / step) + 1)]


def _titles(x_title: str, y_title: str) -> list[str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="rotate(-90 14 {middle})"'
    return [
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_title, "middle"),
        _text(14, middle, y_title, "middle", turned),
    ]


def _text(x: float, y: float, text: str, anchor: str, extra: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place} {extra}>{html.escape(text)}</text>"
