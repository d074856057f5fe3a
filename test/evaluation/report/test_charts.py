# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG: places, ticks, and that any browser can read them."""

import xml.etree.ElementTree as ElementTree

import pytest

from psg_ros.evaluation.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    tick_step,
)


@pytest.mark.parametrize(
    ("maximum", "step"), [(1, 0.2), (10, 2), (4, 1), (60, 10), (500, 100), (0, 1), (0.3, 0.05)]
)
def test_ticks_are_round_and_four_to_ten(maximum, step):
    assert tick_step(maximum) == pytest.approx(step)
    if maximum:
        assert 4 <= maximum / tick_step(maximum) <= 10


def elements(chart: Chart, tag: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(chart.svg).findall(tag)


def test_a_line_spans_the_axes():
    chart = Chart("x", "y", 1, 10)
    chart.line([(0, 0), (1, 10)], "main")
    (line,) = elements(chart, "polyline")
    first, last = line.get("points").split()
    assert first == f"{LEFT:.1f},{HEIGHT - BOTTOM:.1f}"
    assert last == f"{WIDTH - RIGHT:.1f},{TOP:.1f}"


def test_a_bar_is_as_high_as_its_value():
    chart = Chart("x", "y", 1, 10)
    chart.bar(0.0, 0.5, 5, "main", "half")
    (bar,) = elements(chart, "rect")
    assert float(bar.get("height")) == pytest.approx((HEIGHT - TOP - BOTTOM) / 2, abs=0.1)
    assert float(bar.get("y")) + float(bar.get("height")) == pytest.approx(HEIGHT - BOTTOM, abs=0.1)


def test_text_is_escaped():
    chart = Chart("a < b", "y", 1, 1)
    chart.dot(0.5, 0.5, "main", "<&>")
    assert "a < b" in [text.text for text in elements(chart, "text")]
    assert elements(chart, "circle")[0].find("title").text == "<&>"
