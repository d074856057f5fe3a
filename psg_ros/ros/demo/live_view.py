# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The graph as it changes, for people: a redrawn block, or plain lines outside a terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from psg_ros import shared_memory
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import SceneGraph, SceneNode

NUM_LINES = 8
NUM_PLAIN = 3


@dataclass(frozen=True)
class Heading:
    """The figures above the relations; `left_s` is None in a run without end."""

    elapsed_s: float
    left_s: float | None
    rate_hz: float
    age_ms: float
    dropped_frames: int


class LiveView:
    """Shows graphs on a stream; a few times a second is enough."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._colored = self._is_terminal and "NO_COLOR" not in os.environ
        self._height = 0

    @property
    def period_s(self) -> float:
        """How often to call `show`: often enough to look alive, plain lines less often."""
        return 0.3 if self._is_terminal else 0.5

    def show(self, heading: Heading, graph: SceneGraph, vocabulary: Vocabulary) -> None:
        """Draw over the last block, or print one line."""
        if not self._is_terminal:
            self._stream.write(plain_line(heading, graph) + "\n")
        else:
            columns = shutil.get_terminal_size().columns
            painted = vocabulary if self._colored else None
            lines = block(heading, graph, painted, columns)
            back = f"\x1b[{self._height}A" if self._height else ""
            self._stream.write(back + "".join(f"\r{line}\x1b[K\n" for line in lines))
            self._height = len(lines)
        self._stream.flush()


def plain_line(heading: Heading, graph: SceneGraph) -> str:
    """Return one line: figures, then the best relations."""
    texts = [
        f"{_name(graph, r.subject)} {r.predicate_name} {_name(graph, r.object)} {r.confidence:.2f}"
        for r in graph.relations[:NUM_PLAIN]
    ]
    more = len(graph.relations) - len(texts)
    relations = "; ".join(texts + ([f"+{more}"] if more > 0 else []))
    figures = f"{heading.rate_hz:4.1f}/s  age {heading.age_ms:4.0f} ms  {len(graph.nodes):2d} nodes"
    return f"{heading.elapsed_s:6.1f} s  {figures}  {relations or 'no relations'}"


def block(
    heading: Heading, graph: SceneGraph, vocabulary: Vocabulary | None, columns: int
) -> list[str]:
    """Return the lines of the live block, always the same number.

    Args:
        vocabulary: gives the colours of the class names; None for no colours.
        columns: width of the terminal; names are cut so that no line wraps.
    """
    end = (
        f" of {heading.elapsed_s + heading.left_s:.0f} s {_bar(heading)}"
        if heading.left_s is not None
        else " s, Ctrl-C ends"
    )
    lines = [
        f"{heading.elapsed_s:.0f}{end}"[:columns],
        f"{heading.rate_hz:.1f} graphs/s   age {heading.age_ms:.0f} ms   {len(graph.nodes)} nodes"
        f"   {len(graph.relations)} relations   {heading.dropped_frames} frames dropped"[:columns],
    ]
    name_width, predicate_width = _widths(columns)
    for relation in graph.relations[:NUM_LINES]:
        subject, other = (
            _painted(graph.nodes[node], name_width, vocabulary)
            for node in (relation.subject, relation.object)
        )
        predicate = f"{relation.predicate_name:<{predicate_width}.{predicate_width}}"
        lines.append(f"  {subject} -- {predicate} --> {other} {relation.confidence:.2f}")
    return lines + [""] * (2 + NUM_LINES - len(lines))


def summary_lines(summary: dict[str, Any], files: Sequence[str]) -> list[str]:
    """Return the end of a run in a few lines: what flowed, how fast, where the files are."""
    return [
        f"{summary['graphs_published']} graphs of {summary['frames_received']} frames "
        f"({summary['frames_dropped']} dropped for newer ones; {summary['frames_lost']} more lost "
        f"on the way), {_figure(summary['fps'], 1)} graphs/s, "
        f"age {_figure(summary['age_ms_median'])} ms median, "
        f"{_figure(summary['age_ms_p95'])} ms p95",
        f"{_figure(summary['nodes_mean'], 1)} nodes and {_figure(summary['relations_mean'], 1)} "
        f"relations on average "
        f"({summary['model']} on {summary['backend']})",
        *(f"wrote {file}" for file in files),
    ]


def loss_line(summary: dict[str, Any]) -> str:
    """Return what to say when most images never reached the node; empty when they did."""
    lost, received = summary["frames_lost"], summary["frames_received"]
    if lost <= received:
        return ""
    return (
        f"{lost} of {lost + received} images got lost on their way to the node. Shared memory: "
        f"{shared_memory.describe()}; if that is little, {shared_memory.CURE}"
    )


def _name(graph: SceneGraph, node: int) -> str:
    return f"{graph.nodes[node].class_name} #{graph.nodes[node].id}"


def _bar(heading: Heading) -> str:
    assert heading.left_s is not None
    total_s = heading.elapsed_s + heading.left_s
    done = round(20 * heading.elapsed_s / total_s) if total_s else 20
    return f"[{'#' * done}{'.' * (20 - done)}]"


def _figure(value: float | None, digits: int = 0) -> str:
    """Return a figure of the summary; one without a value, as the rate of one graph, is ?."""
    return "?" if value is None else f"{value:.{digits}f}"


def _widths(columns: int) -> tuple[int, int]:
    """Return the columns of a name and of a predicate; what else is in a line takes 16."""
    room = max(columns - 16, 3)
    predicate = min(14, room // 3)
    return min(22, (room - predicate) // 2), predicate


def _painted(node: SceneNode, width: int, vocabulary: Vocabulary | None) -> str:
    """Return the name of a node in the colour of its class, lightened for dark screens.

    It fills `width` columns; where it is too long, the class loses letters and not the id.
    """
    number = f" #{node.id}"
    name = node.class_name[: max(width - len(number), 0)] + number
    fitted = f"{name:<{width}.{width}}"
    if vocabulary is None:
        return fitted
    red, green, blue = (
        round(96 + 0.62 * value) for value in vocabulary.labels[node.label].color_rgb
    )
    return f"\x1b[38;2;{red};{green};{blue}m{fitted}\x1b[0m"
