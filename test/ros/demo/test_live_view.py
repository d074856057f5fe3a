# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What people see of the graph."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.ros.demo.live_view import (
    Heading,
    LiveView,
    block,
    loss_line,
    plain_line,
    summary_lines,
)
from psg_ros.scene_graph import (
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
    TrackState,
)

VOCABULARY = Vocabulary(
    (
        ObjectLabel("cup", True, (200, 0, 0)),
        ObjectLabel("table-with-a-long-name", True, (0, 0, 200)),
    ),
    (Predicate("on"), Predicate("under")),
)
HEADING = Heading(elapsed_s=5, left_s=15, rate_hz=9.8, age_ms=87.4, dropped_frames=2)
SEEN = TrackState.TENTATIVE
ESCAPE = re.compile(r"\x1b\[[\d;]*[A-Za-z]")


def received(num_relations: int = 2) -> SceneGraph:
    nodes = tuple(
        SceneNode(i, i, label.name, True, 0.9, (0, 0, 2, 2), (1, 1), 4, True, Track(id_, SEEN, 0))
        for i, (label, id_) in enumerate(zip(VOCABULARY.labels, (17, 4), strict=True))
    )
    segmentation = Segmentation(
        np.zeros((2, 2), np.int32), np.arange(2), np.full(2, 0.9, np.float32)
    )
    relations = tuple(
        SceneRelation(i % 2, 1 - i % 2, i % 2, ("on", "under")[i % 2], 0.9 - 0.01 * i)
        for i in range(num_relations)
    )
    return SceneGraph(segmentation, nodes, relations)


def test_a_plain_line_has_figures_the_best_relations_and_how_many_more() -> None:
    line = plain_line(HEADING, received(5))
    assert "5.0 s" in line and "9.8/s" in line and "age   87 ms" in line and " 2 nodes" in line
    assert "cup #17 on table-with-a-long-name #4 0.90" in line
    assert line.endswith("; +2")
    assert plain_line(HEADING, received(0)).endswith("no relations")


@pytest.mark.parametrize("num_relations", [0, 2, 30])
def test_the_block_always_has_the_same_height(num_relations: int) -> None:
    assert len(block(HEADING, received(num_relations), VOCABULARY, 80)) == 10


@pytest.mark.parametrize("columns", [24, 40, 50, 80, 200])
def test_no_line_of_the_block_is_wider_than_the_terminal(columns: int) -> None:
    lines = block(HEADING, received(30), VOCABULARY, columns)
    assert max(len(ESCAPE.sub("", line)) for line in lines) <= columns


def test_a_name_that_is_too_long_keeps_its_id() -> None:
    lines = block(HEADING, received(), None, 60)
    assert "table-with-a #4" in lines[2] and "table-with-a #4" in lines[3]
    assert "table-with-a-long-n #4" in block(HEADING, received(), None, 200)[2]


def test_colours_come_only_with_a_vocabulary() -> None:
    assert "\x1b[38;2;" in "".join(block(HEADING, received(), VOCABULARY, 80))
    assert "\x1b" not in "".join(block(HEADING, received(), None, 80))


def test_an_endless_run_says_how_to_end_it() -> None:
    endless = Heading(5, None, 9.8, 87, 0)
    assert "Ctrl-C" in block(endless, received(), None, 80)[0]


def test_outside_a_terminal_nothing_but_plain_text_is_written() -> None:
    stream = io.StringIO()
    view = LiveView(stream)
    view.show(HEADING, received(), VOCABULARY)
    view.show(HEADING, received(), VOCABULARY)
    assert stream.getvalue().count("\n") == 2 and "\x1b" not in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_block_is_drawn_over_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    view = LiveView(stream)
    view.show(HEADING, received(), VOCABULARY)
    first = stream.getvalue()
    view.show(HEADING, received(), VOCABULARY)
    assert not first.startswith("\x1b[10A")
    assert stream.getvalue()[len(first) :].startswith("\x1b[10A")
    assert "38;2" not in stream.getvalue()


def test_the_summary_reads_as_text() -> None:
    summary = {
        "frames_received": 210,
        "graphs_published": 200,
        "frames_dropped": 10,
        "frames_lost": 3,
        "age_ms_median": 80.0,
        "age_ms_p95": 120.0,
        "fps": 9.9,
        "nodes_mean": 6.0,
        "relations_mean": 12.0,
        "backend": "openvino",
        "model": "demo",
    }
    text = "\n".join(summary_lines(summary, ["out/annotated.mp4"]))
    assert "200 graphs of 210 frames (10 dropped for newer ones; 3 more lost on the way)" in text
    assert "9.9 graphs/s, age 80 ms median, 120 ms p95" in text
    single = "\n".join(summary_lines({**summary, "fps": None}, []))
    assert ", ? graphs/s, age 80 ms median" in single
    assert "demo on openvino" in text and text.endswith("\nwrote out/annotated.mp4")


def test_most_images_lost_is_said_with_the_cure_and_a_few_are_not() -> None:
    assert loss_line({"frames_received": 17, "frames_lost": 17}) == ""
    text = loss_line({"frames_received": 17, "frames_lost": 254})
    assert text.startswith("254 of 271 images got lost") and "--shm-size=512m" in text
