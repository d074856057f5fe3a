# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scores of a report as tables, the same for every output.

A new metric is a new name in `EvaluationReport.scores`: JSON and Markdown list every name, the page
shows it in the grid that its name fits, or in a list of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from psg_ros import tables
from psg_ros.evaluation.metrics.recall import k_name
from psg_ros.tables import Column

Table = tuple[tuple[Column, ...], list[list[str]]]
"""Columns and rows, as `psg_ros.tables` takes them."""

FIRST = ("R@20", "R@50", "mR@20", "mR@50", "mR@inf", "PQ")
"""What people ask for first."""

QUALITIES = ("PQ", "SQ", "RQ")
GROUPS = {"all": "", "things": "_things", "stuff": "_stuff"}


def percent(value: float) -> str:
    """Return two decimals, or a dash where nothing was annotated."""
    return "–" if math.isnan(value) else f"{value:.2f}"


def listed(scores: Mapping[str, float]) -> Table:
    """Return every score, one a row."""
    return tables.named("score", "%"), [[name, percent(value)] for name, value in scores.items()]


def grids(scores: Mapping[str, float]) -> list[Table]:
    """Return all scores: recall by depth, quality by group of segments, and what fits neither."""
    recall = [name for name in scores if "@" in name]
    quality = [q + s for q in QUALITIES for s in GROUPS.values() if q + s in scores]
    others = {name: value for name, value in scores.items() if name not in {*recall, *quality}}
    depths, kinds = (list(dict.fromkeys(n.split("@")[i] for n in recall)) for i in (1, 0))
    found = [
        _grid(scores, {f"@{depth}": f"@{depth}" for depth in depths}, kinds) if recall else None,
        _grid(scores, GROUPS, QUALITIES) if quality else None,
        listed(others) if others else None,
    ]
    return [each for each in found if each]


def headline(scores: Mapping[str, float], ks: Sequence[int]) -> list[str]:
    """Return the names of the scores to print, as far as they are there."""
    names = [f"{kind}@{k_name(k)}" for kind in ("R", "mR") for k in ks]
    names += ["mR@inf", "PQ", "PQ_things", "PQ_stuff"]
    return [name for name in names if name in scores]


def _grid(scores: Mapping[str, float], suffixes: Mapping[str, str], names: Sequence[str]) -> Table:
    rows = [
        [name, *(percent(scores.get(name + suffix, math.nan)) for suffix in suffixes.values())]
        for name in names
    ]
    return tables.named("%", *suffixes), rows
