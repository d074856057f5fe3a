# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A report as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from psg_ros import tables
from psg_ros.evaluation.metrics.evaluation_report import (
    PROTOCOL,
    ClassRow,
    ConfusionRow,
    EvaluationReport,
    PredicateRow,
)
from psg_ros.evaluation.metrics.multi_mpo import TITLE as MULTI_MPO
from psg_ros.evaluation.metrics.open_set import OpenSet
from psg_ros.evaluation.report.open_set import open_set_table, open_set_title
from psg_ros.evaluation.report.origin import coverage_notes
from psg_ros.evaluation.report.scores import listed, percent

MOST_CONFUSED = 10
CONFUSED = tables.named("annotated", "predicted", "times", text=2)


def to_markdown(
    report: EvaluationReport,
    origin: Mapping[str, str] | None = None,
    multi_mpo: Mapping[str, float] | None = None,
    open_set: OpenSet | None = None,
) -> str:
    """Return headline and tables in percent, without absent labels and predicates.

    Args:
        origin: what was judged, see `psg_ros.evaluation.report.origin`.
        multi_mpo: figures of that protocol, percent by name; they get a section of their own.
        open_set: figures of an open-set protocol; so do they.
    """
    parts = [f"# {report.task}", _summary(report), *coverage_notes(origin or {})]
    parts.append(tables.markdown(*listed(report.scores)))
    if multi_mpo is not None:
        parts += [f"## {MULTI_MPO}", tables.markdown(*listed(multi_mpo))]
    if open_set is not None:
        parts += [f"## {open_set_title(open_set)}", tables.markdown(*open_set_table(open_set))]
    if predicates := [row for row in report.per_predicate if row.num_images]:
        parts += ["## Predicates", _predicate_table(predicates)]
    if confused := most_confused(report.confusion):
        parts += ["## Most confused predicates", _confusion_table(confused)]
    if classes := [row for row in report.per_class if not math.isnan(row.panoptic_quality)]:
        parts += ["## Classes", _class_table(classes)]
    if origin:
        parts.append("\n".join(f"- {name}: {value}" for name, value in origin.items()))
    return "\n\n".join(parts) + "\n"


def most_confused(rows: Iterable[ConfusionRow], limit: int = MOST_CONFUSED) -> list[ConfusionRow]:
    """Return the most frequent mistakes, most frequent first; ties keep their order."""
    wrong = [row for row in rows if row.annotated != row.predicted]
    return sorted(wrong, key=lambda row: -row.count)[:limit]


def _summary(report: EvaluationReport) -> str:
    return (
        f"{report.num_images} images, {report.num_related_images} with relations, "
        f"{report.num_missing} without prediction. {PROTOCOL}"
    )


def _predicate_table(rows: list[PredicateRow]) -> str:
    names = list(rows[0].recall)
    cells = ([r.name, r.num_images, *(percent(r.recall[n]) for n in names)] for r in rows)
    return tables.markdown(tables.named("predicate", "images", *names), cells)


def _confusion_table(rows: list[ConfusionRow]) -> str:
    return tables.markdown(CONFUSED, ((r.annotated, r.predicted, r.count) for r in rows))


def _class_table(rows: list[ClassRow]) -> str:
    cells = (
        [row.name, "thing" if row.is_thing else "stuff", percent(row.panoptic_quality)]
        + [percent(row.segmentation_quality), percent(row.recognition_quality)]
        + [row.true_positives, row.false_positives, row.false_negatives]
        for row in rows
    )
    columns = tables.named("class", "kind", "PQ", "SQ", "RQ", "TP", "FP", "FN", text=2)
    return tables.markdown(columns, cells)
