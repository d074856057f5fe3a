# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The sections of the HTML page, each from the part of a report that it shows."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

from psg_ros import tables
from psg_ros.evaluation.metrics.evaluation_report import (
    ClassRow,
    ConfusionRow,
    EvaluationReport,
    PredicateRow,
    ScoreReliability,
)
from psg_ros.evaluation.report.charts import Chart
from psg_ros.evaluation.report.cost import Cost
from psg_ros.evaluation.report.markdown import CONFUSED, most_confused
from psg_ros.evaluation.report.scores import FIRST, grids, percent

SHOWN_RECALL = ("R@50", "R@100", "R@20", "R@10")
"""Which column stands for a predicate in the chart: the first that was measured."""

NUMBERED_MATRIX = 24
"""With more predicates than this the cells are too small for numbers."""


def section(title: str, *parts: str) -> str:
    """Return one box of the page."""
    return f"<section><h2>{html.escape(title)}</h2>{''.join(parts)}</section>"


def score_tables(scores: Mapping[str, float]) -> list[str]:
    """Return every score."""
    return [tables.html(*grid) for grid in grids(scores)]


def predicate_chart(rows: Sequence[PredicateRow]) -> str:
    """Return a bar per annotated predicate, most frequent first, before its upper bound."""
    present = sorted((row for row in rows if row.num_images), key=lambda row: -row.num_images)
    if not present:
        return "<p>No relation is annotated.</p>"
    shown = next((name for name in SHOWN_RECALL if name in present[0].recall), "R@inf")
    lines = "".join(
        _bar_row(
            row.name, row.num_images, row.recall[shown], row.recall["R@inf"], f"{shown}, R@inf"
        )
        for row in present
    )
    head = f'<tr><th></th><th class="n">images</th><th>{shown}</th><th class="n">%</th></tr>'
    key = (
        f'<p class="soft"><span class="key main"></span>{shown}'
        '<span class="key pale"></span>both ends found (R@inf): what relations could reach</p>'
    )
    return f'{key}<table class="wide">{head}{lines}</table>'


def class_chart(rows: Sequence[ClassRow]) -> str:
    """Return a bar of PQ per class that occurs, before its segmentation quality."""
    present = [row for row in rows if not math.isnan(row.panoptic_quality)]
    lines = "".join(
        _bar_row(
            row.name + ("" if row.is_thing else " (stuff)"),
            row.true_positives + row.false_negatives,
            row.panoptic_quality,
            row.segmentation_quality,
            f"PQ, SQ; RQ {percent(row.recognition_quality)}, {row.true_positives} found, "
            f"{row.false_negatives} missed, {row.false_positives} false",
        )
        for row in present
    )
    head = '<tr><th></th><th class="n">segments</th><th>PQ</th><th class="n">%</th></tr>'
    key = (
        '<p class="soft"><span class="key main"></span>PQ<span class="key pale"></span>'
        "SQ: mean IoU of the segments found</p>"
    )
    return f'{key}<table class="wide">{head}{lines}</table>'


def confusion_matrix(rows: Sequence[ConfusionRow], order: Sequence[str]) -> str:
    """Return annotated (down) against predicted (across); colour is the share of the row.

    Args:
        order: names of all predicates; those that do not occur are left out.
    """
    counts = {(row.annotated, row.predicted): row.count for row in rows}
    names = [name for name in order if any(name in pair for pair in counts)]
    totals = {name: sum(counts.get((name, other), 0) for other in names) for name in names}
    numbered = len(names) <= NUMBERED_MATRIX
    head = "".join(f"<th><div>{html.escape(name)}</div></th>" for name in names)
    body = "".join(
        f"<tr><th>{html.escape(name)}</th>"
        + "".join(
            _matrix_cell(name, other, counts.get((name, other), 0), totals[name], numbered)
            for other in names
        )
        + "</tr>"
        for name in names
    )
    return f'<table class="matrix"><thead><tr><th></th>{head}</tr></thead>{body}</table>'


def confused_table(rows: Sequence[ConfusionRow]) -> str:
    """Return the most frequent mistakes."""
    worst = [(row.annotated, row.predicted, row.count) for row in most_confused(rows)]
    if not worst:
        return '<p class="soft">No predicate was confused.</p>'
    return f"<div><h3>Most confused</h3>{tables.html(CONFUSED, worst)}</div>"


def score_histogram(score: ScoreReliability) -> str:
    """Return how scores spread, of annotated pairs and of the others; each group sums to one."""
    groups = {
        "main": ("annotated", [each.judged for each in score.bins]),
        "pale": ("not annotated", [each.others for each in score.bins]),
    }
    chart = Chart("score of the best predicate", "share of the pairs", 1, 1)
    for place, (css, (name, counts)) in enumerate(groups.items()):
        for each, count in zip(score.bins, counts, strict=True):
            half = (each.high - each.low) / 2
            left = each.low + place * half
            hint = f"{each.low:.1f} to {each.high:.1f}: {count} of {sum(counts)} {name} pairs"
            chart.bar(left, left + half, count / max(sum(counts), 1), css, hint)
    key = "".join(
        f'<span class="key {css}"></span>{sum(counts)} {name}'
        for css, (name, counts) in groups.items()
    )
    return f"<figure>{chart.svg}<figcaption>{key}</figcaption></figure>"


def reliability_diagram(score: ScoreReliability, name: str) -> str:
    """Return the share that is right over the score; on the dashed line scores say the truth."""
    chart = Chart(name, "share that is right", 1, 1)
    chart.line([(0, 0), (1, 1)], "ideal")
    filled = [each for each in score.bins if each.judged]
    points = [(each.mean_score, each.right / each.judged) for each in filled]
    chart.line(points, "main")
    for (x, y), each in zip(points, filled, strict=True):
        chart.dot(x, y, "main", f"{each.right} of {each.judged} right at a mean of {x:.2f}")
    error = score.calibration_error
    text = "–" if math.isnan(error) else f"{error:.3f}"
    caption = f"<figcaption>expected calibration error {text}</figcaption>"
    return f"<figure>{chart.svg}{caption}</figure>"


def cost_parts(cost: Cost) -> str:
    """Return where the time went and how the memory went."""
    stages = {"main": cost.forward_s, "good": cost.metrics_s, "pale": cost.waiting_s}
    total = max(sum(stages.values()), 1e-9)
    stack = "".join(
        f'<div class="{css}" style="width:{100 * s / total:.2f}%"></div>'
        for css, s in stages.items()
    )
    key = "".join(
        f'<span class="key {css}"></span>{name}'
        for name, css in zip((cost.work, "metrics", "waiting for images"), stages, strict=True)
    )
    summary = f'<p class="soft">{html.escape(cost.summary)}</p>'
    time_part = f'<div><div class="stack">{stack}</div><p class="soft">{key}</p>{summary}</div>'
    return f'<div class="side">{time_part}{_memory_chart(cost)}</div>'


def facts_table(facts: Mapping[str, object]) -> str:
    """Return names and values."""
    return "<table>" + "".join(
        f"<tr><th>{html.escape(name)}</th><td><code>{html.escape(str(value))}</code></td></tr>"
        for name, value in facts.items()
    ) + "</table>"  # fmt: skip


def tiles(report: EvaluationReport) -> str:
    """Return the figures that people ask for first, large."""
    return '<div class="tiles">' + "".join(
        f'<div class="tile">{name}<b>{percent(report.scores[name])}</b></div>'
        for name in FIRST
        if not math.isnan(report.scores.get(name, math.nan))
    ) + "</div>"  # fmt: skip


def _memory_chart(cost: Cost) -> str:
    if not cost.memory:
        return ""
    last, highest = cost.memory[-1][0], max(mib for _, mib in cost.memory)
    chart = Chart("images", "memory, MiB", last, highest)
    chart.line(cost.memory, "main")
    first, end = cost.memory[0][1], cost.memory[-1][1]
    caption = f"resident memory: {first:.0f} MiB at first, {end:.0f} MiB at the end"
    return f"<figure>{chart.svg}<figcaption>{caption}</figcaption></figure>"


def _bar_row(name: str, count: int, value: float, behind: float, hint: str) -> str:
    bars = "".join(
        f'<i class="{css}" style="width:{length:.2f}%"></i>'
        for css, length in (("pale", behind), ("main", value))
        if not math.isnan(length)
    )
    title = html.escape(f"{name}: {percent(value)}, {percent(behind)} ({hint})")
    return (
        f'<tr title="{title}"><td>{html.escape(name)}</td><td class="n">{count}</td>'
        f'<td class="track"><div>{bars}</div></td><td class="n">{percent(value)}</td></tr>'
    )


def _matrix_cell(annotated: str, predicted: str, count: int, total: int, numbered: bool) -> str:
    share = count / total if total else 0.0
    color = "#fff" if share > 0.5 else "inherit"
    title = html.escape(f"{annotated} said to be {predicted}: {count} of {total}")
    number = str(count) if numbered and count else ""
    return (
        f'<td title="{title}" style="background:rgba(47,111,176,{share:.3f});color:{color}">'
        f"{number}</td>"
    )
