# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A comparison of models as Markdown, and as one HTML file with a chart."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from psg_ros import tables
from psg_ros.evaluation.report import page_parts as parts
from psg_ros.evaluation.report.charts import Chart
from psg_ros.evaluation.report.comparison import BOUND, FACTS, QUALITY, SCORES, Entry, correlation
from psg_ros.evaluation.report.page import document
from psg_ros.evaluation.report.scores import percent

COLUMNS = (
    *tables.named("report", "model", text=2),
    *tables.named(*SCORES, text=0),
    *tables.named(*FACTS, text=len(FACTS)),
)


def to_markdown(entries: Sequence[Entry]) -> str:
    """Return the table and the sentence on the correlation."""
    return f"{tables.markdown(COLUMNS, _rows(entries))}\n\n{correlation_text(entries)}\n"


def to_page(entries: Sequence[Entry]) -> str:
    """Return the page; it links to nothing and runs no script."""
    text = f'<p class="soft">{html.escape(correlation_text(entries))}</p>'
    body = "<h1>Segmenters compared</h1>" + parts.section(
        f"{QUALITY} against {BOUND}", text, chart(entries)
    )
    body += parts.section("Reports", tables.html(COLUMNS, _rows(entries)))
    return document("Segmenters compared", body)


def chart(entries: Sequence[Entry]) -> str:
    """Return a dot per report, percent, as SVG; names show under the mouse."""
    most = [max(entry.scores[name] for entry in entries) for name in (QUALITY, BOUND)]
    drawn = Chart(f"{QUALITY}, %", f"{BOUND}, %", *most)
    for entry in entries:
        x, y = entry.scores[QUALITY], entry.scores[BOUND]
        hint = f"{entry.label}: {QUALITY} {percent(x)}, {BOUND} {percent(y)}"
        drawn.dot(x, y, "main", hint)
    return drawn.svg


def correlation_text(entries: Sequence[Entry]) -> str:
    """Return the correlation in one sentence, or why there is none."""
    found = correlation(entries)
    if math.isnan(found):
        return f"{len(entries)} reports: a correlation takes three that differ in both scores."
    return f"Correlation of {QUALITY} and {BOUND} over {len(entries)} reports: {found:.3f}."


def _rows(entries: Sequence[Entry]) -> list[list[str]]:
    """Return a row per report, highest PQ first."""
    ordered = sorted(entries, key=lambda entry: (-entry.scores[QUALITY], entry.label))
    return [
        [entry.label, entry.model]
        + [percent(entry.scores.get(name, math.nan)) for name in SCORES]
        + [entry.facts[name] or "not said" for name in FACTS]
        for entry in ordered
    ]
