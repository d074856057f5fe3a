# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The result of an evaluation, and how it is written down."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PROTOCOL = (
    "SingleMPO: one segment per object, matched by label and mask IoU > 0.5; recall within each "
    "image first, then averaged; missing images count as not found. "
    "PQ by the rules of the COCO API."
)


@dataclass(frozen=True)
class PredicateRow:
    """Recall of one predicate, percent by name («R@50», «NgR@50», «R@inf»); NaN if absent."""

    name: str
    num_images: int
    recall: Mapping[str, float]


@dataclass(frozen=True)
class ClassRow:
    """Panoptic quality of one label, in percent, NaN if it is absent; counts are of segments."""

    name: str
    is_thing: bool
    panoptic_quality: float
    segmentation_quality: float
    recognition_quality: float
    true_positives: int
    false_positives: int
    false_negatives: int


@dataclass(frozen=True)
class EvaluationReport:
    """Figures of one model on one set of images.

    Attributes:
        task: «PredCls» (masks and labels given) or «SGDet» (both predicted).
        num_images: images seen, missing ones included.
        num_missing: images without a prediction; nothing was found in them.
        num_related_images: images with at least one annotated relation; R@k averages over these.
        scores: percent by name: R@k, mR@k, NgR@k, mNgR@k, R@inf, mR@inf and, for SGDet, PQ, SQ, RQ
            and the same with suffix _things and _stuff. NaN where nothing was annotated.
        per_predicate: one row per predicate of the vocabulary, in its order.
        per_class: one row per label of the vocabulary; empty for PredCls.
    """

    task: str
    num_images: int
    num_missing: int
    num_related_images: int
    scores: Mapping[str, float]
    per_predicate: tuple[PredicateRow, ...]
    per_class: tuple[ClassRow, ...]

    def to_json(self) -> str:
        """Return the whole report as JSON, percent unrounded, NaN as null."""
        content = {"protocol": PROTOCOL, **dataclasses.asdict(self)}
        return json.dumps(_nan_to_none(content), indent=2, allow_nan=False)

    def to_markdown(self) -> str:
        """Return headline and tables in percent, without absent labels and predicates."""
        related, missing = self.num_related_images, self.num_missing
        parts = [
            f"# {self.task}",
            f"{self.num_images} images, {related} with relations, {missing} without prediction. "
            + PROTOCOL,
            _table(("score", "%"), ((n, _percent(v)) for n, v in self.scores.items())),
        ]
        if predicates := [row for row in self.per_predicate if row.num_images]:
            parts += ["## Predicates", _predicate_table(predicates)]
        if classes := [row for row in self.per_class if not math.isnan(row.panoptic_quality)]:
            parts += ["## Classes", _class_table(classes)]
        return "\n\n".join(parts) + "\n"


def _predicate_table(rows: list[PredicateRow]) -> str:
    names = list(rows[0].recall)
    cells = ([r.name, r.num_images, *(_percent(r.recall[n]) for n in names)] for r in rows)
    return _table(("predicate", "images", *names), cells)


def _class_table(rows: list[ClassRow]) -> str:
    cells = (
        [row.name, "thing" if row.is_thing else "stuff", _percent(row.panoptic_quality)]
        + [_percent(row.segmentation_quality), _percent(row.recognition_quality)]
        + [row.true_positives, row.false_positives, row.false_negatives]
        for row in rows
    )
    return _table(("class", "kind", "PQ", "SQ", "RQ", "TP", "FP", "FN"), cells)


def _table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(header)
    align = [":--", *["--:"] * (len(head) - 1)]
    lines = [head, align, *(map(_escape, map(str, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(cell: str) -> str:
    return cell.replace("|", r"\|")


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _nan_to_none(value: object) -> object:
    """JSON has no NaN; other readers would refuse the file."""
    if isinstance(value, Mapping):
        return {key: _nan_to_none(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_nan_to_none(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
