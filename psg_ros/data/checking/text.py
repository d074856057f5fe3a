# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a check as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psg_ros import tables
from psg_ros.data.checking.finding import Finding
from psg_ros.data.checking.report import DatasetReport

RED, YELLOW, GREEN, BOLD = "31", "33", "32", "1"
EXAMPLES = 5
"""As many places of a finding are shown."""
ROWS = (
    ("images", "images"),
    ("  with relations", "related_images"),
    ("  without segments", "images_without_segments"),
    ("segments", "segments"),
    ("  crowd", "crowd_segments"),
    ("relations", "relations"),
    ("  distinct", "distinct_relations"),
    ("  duplicates", "duplicate_relations"),
    ("  to itself", "self_relations"),
)
"""Title and field of `SplitStatistics`."""


def report_lines(report: DatasetReport, *, color: bool = False) -> list[str]:
    """Return the report: what it is, counts, names, predicates, findings, verdict."""
    paint = _painted if color else _plain
    lines = [paint(f"{report.source}: {report.layout} layout", BOLD)]
    lines += [f"pictures in {report.image_folder}, PNGs in {report.panoptic_folder}", ""]
    lines += [*_counts(report), "", *_names(report), ""]
    if report.predicates:
        lines += [*_predicates(report), ""]
    lines += [_decoded(report), ""]
    for title, findings, code in (
        ("warnings", report.warnings, YELLOW),
        ("problems", report.problems, RED),
    ):
        if findings:
            lines += [paint(title, code), *(line for f in findings for line in _finding(f)), ""]
    text, code = _verdict(report)
    return [*lines, paint(text, code)]


def table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[int]]]) -> list[str]:
    """Return lines: names to the left, numbers to the right; zeros as a dot."""
    cells = ([name, *(f"{n:,}" if n else "." for n in numbers)] for name, numbers in rows)
    return tables.terminal(tables.named(*head), cells).splitlines()


def _counts(report: DatasetReport) -> list[str]:
    rows = [
        (title, [getattr(split.statistics, field) for split in report.splits.values()])
        for title, field in ROWS
    ]
    return table(["", *_columns(report)], [(title, _with_sum(numbers)) for title, numbers in rows])


def _predicates(report: DatasetReport) -> list[str]:
    columns = [split.statistics.predicates for split in report.splits.values()]
    rows = [
        (name, _with_sum([column[i] for column in columns]))
        for i, name in enumerate(report.predicates)
    ]
    return table(["relations per predicate", *_columns(report)], rows)


def _columns(report: DatasetReport) -> list[str]:
    return [*report.splits, "together"] if len(report.splits) > 1 else list(report.splits)


def _with_sum(numbers: list[int]) -> list[int]:
    return [*numbers, sum(numbers)] if len(numbers) > 1 else numbers


def _names(report: DatasetReport) -> list[str]:
    lines = []
    for names in report.names:
        if not names.names:
            lines.append(f"{names.kind:<11}none in this layout")
            continue
        lines.append(f"{names.kind:<11}{report.vocabulary}: {names.verdict}")
        if names.absent and len(names.absent) <= 3 * EXAMPLES:
            lines.append(f"{'':<11}not in the file: {', '.join(names.absent)}")
    return lines


def _decoded(report: DatasetReport) -> str:
    total = sum(split.statistics.images for split in report.splits.values())
    decoded = sum(split.num_decoded for split in report.splits.values())
    if decoded == total:
        return f"files      looked into all of {total:,} images"
    return f"files      looked for those of {total:,} images, into those of {decoded:,} (--fast)"


def _finding(finding: Finding) -> list[str]:
    places = [f"      {place}" for place in finding.places[:EXAMPLES]]
    more = len(finding.places) - EXAMPLES
    return [f"  {finding.text}", *places, *([f"      and {more:,} more"] if more > 0 else [])]


def _verdict(report: DatasetReport) -> tuple[str, str]:
    problems, warnings = len(report.problems), len(report.warnings)
    if problems:
        return f"not usable: {problems} {'problem' if problems == 1 else 'problems'}", RED
    if warnings:
        return f"usable, with {warnings} {'warning' if warnings == 1 else 'warnings'}", YELLOW
    return "usable", GREEN


def _painted(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def _plain(text: str, code: str) -> str:
    return text
