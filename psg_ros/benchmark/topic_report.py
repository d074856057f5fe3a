# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Times from topic to topic as a table, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from psg_ros import tables
from psg_ros.tables import named

if TYPE_CHECKING:
    from psg_ros.ros.topic_times import TopicTimes

COLUMNS = named("", "least ms", "median ms", "p95 ms", "p99 ms")
PERCENTILES = (0, 50, 95, 99)
TOTAL, OVERHEAD = "image to graph", "of it not the pipeline"


def terminal(times: TopicTimes) -> str:
    """Return conditions and table for a terminal."""
    return "\n".join([_conditions(times), "", tables.terminal(COLUMNS, _rows(times))])


def markdown(times: TopicTimes, command: str) -> str:
    """Return command, conditions and table."""
    return f"    {command}\n\n{_conditions(times)}:\n\n{tables.markdown(COLUMNS, _rows(times))}\n"


def record(times: TopicTimes, command: str, machine: Mapping[str, object]) -> dict[str, Any]:
    """Return everything for JSON."""
    return {
        "command": command,
        "machine": dict(machine),
        "settings": times.settings,
        "image_hw": times.image_hw,
        "images": len(times.parts_ms),
        "nodes": times.nodes,
        "startup_s": times.startup_s,
        "cpu_ms": times.cpu_ms,
        "peak_mib": times.peak_mib,
        "ms_least_median_p95_p99": {
            name: np.percentile(values, PERCENTILES).tolist()
            for name, values in _series(times).items()
        },
    }


def _conditions(times: TopicTimes) -> str:
    height, width = times.image_hw
    peak = "" if times.peak_mib is None else f", peak {times.peak_mib:.0f} MiB"
    return (
        f"{len(times.parts_ms)} images of {width}x{height} px, rgb8, one at a time, "
        f"{times.nodes} nodes; the node's process: {times.cpu_ms:.1f} ms CPU an image{peak}, "
        f"{times.startup_s:.1f} s from its start to the first graph"
    )


def _rows(times: TopicTimes) -> list[list[str]]:
    return [
        [name, *(f"{value:.2f}" for value in np.percentile(values, PERCENTILES))]
        for name, values in _series(times).items()
    ]


def _series(times: TopicTimes) -> dict[str, np.ndarray]:
    from psg_ros.ros.topic_times import PARTS

    parts = dict(zip(PARTS, times.parts_ms.T, strict=True))
    return {**parts, TOTAL: times.total_ms, OVERHEAD: times.overhead_ms}
