# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of a stream of graphs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psg_ros.ros.demo.statistics import GraphArrival, GraphStatistics


def stream(count: int, period_s: float = 0.1, **changes: float) -> GraphStatistics:
    statistics = GraphStatistics()
    for index in range(count):
        values = {
            "arrived_s": index * period_s,
            "age_ms": 10.0 + index,
            "sequence": index + 1,
            "received_frames": index + 1 + index // 2,
            "dropped_frames": index // 2,
            "lost_frames": index // 10,
            "num_nodes": 3,
            "num_relations": index,
        }
        statistics.add(GraphArrival(**{**values, **changes}))
    return statistics


def test_the_summary_has_exactly_its_keys_and_the_right_figures() -> None:
    assert stream(101).summary("openvino", "demo") == {
        "frames_received": 151,
        "graphs_published": 101,
        "frames_dropped": 50,
        "frames_lost": 10,
        "age_ms_median": 60.0,
        "age_ms_p95": 105.0,
        "fps": 10.0,
        "nodes_mean": 3.0,
        "relations_mean": 50.0,
        "backend": "openvino",
        "model": "demo",
    }


def test_without_graphs_figures_are_none_and_counts_zero() -> None:
    summary = stream(0).summary("openvino", "demo")
    assert summary["graphs_published"] == summary["frames_received"] == 0
    assert summary["age_ms_median"] is None and summary["fps"] is None


def test_a_single_graph_has_an_age_but_no_rate() -> None:
    summary = stream(1).summary("openvino", "demo")
    assert summary["age_ms_median"] == 10.0 and summary["fps"] is None


def test_graphs_that_were_published_but_lost_on_the_way_are_counted() -> None:
    statistics = stream(3)
    statistics.add(replace(statistics.last, sequence=9))
    assert statistics.summary("openvino", "demo")["graphs_published"] == 9


def test_the_recent_figures_forget_what_is_older_than_the_window() -> None:
    statistics = stream(101)
    assert statistics.recent_rate_hz(10.0) == pytest.approx(10)
    assert statistics.recent_age_ms(10.0) == pytest.approx(100)
    assert statistics.recent_rate_hz(20.0) == 0
    assert statistics.recent_age_ms(20.0) == 110  # the newest, when nothing is recent
