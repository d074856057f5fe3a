# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reports of several models on the same images: one table, and segmentation against relations.

What no relation stage can make good is what the segmenter missed: mR@inf, the recall that perfect
relations would reach, follows the panoptic quality closely (DSFlash, supplement, figure 11: a
correlation of 0.99 over segmenters).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

QUALITY, BOUND = "PQ", "mR@inf"
SCORES = (QUALITY, BOUND, "mR@50", "R@50")
"""Columns of the table, of which a report may lack the last two."""
FACTS = ("merge_resolution", "precision", "scaling")
SAME = ("task", "protocol", "split", "images", "annotations_sha256")
"""What must be equal for figures to compare."""


@dataclass(frozen=True)
class Entry:
    """One report.

    Attributes:
        label: name of its file, which tells reports of one model apart.
        scores: percent by name, those of `SCORES` that it has.
        facts: settings of the model, those of `FACTS`.
        same: what it must have in common with others, by name.
    """

    label: str
    model: str
    scores: dict[str, float]
    facts: dict[str, str] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)


def read_entry(path: Path) -> Entry:
    """Read what `psg evaluate --json` has written.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a report, or one without panoptic quality (the task PredCls).
    """
    content = _read_json(path)
    scores = content["scores"]
    for name in (QUALITY, BOUND):
        if not isinstance(scores.get(name), (int, float)) or isinstance(scores[name], bool):
            raise ValueError(
                f"{path} has no {name}: expected a report of the task SGDet on images with "
                "relations, made by psg evaluate --json"
            )
    known = {name: scores[name] for name in SCORES if isinstance(scores.get(name), (int, float))}
    facts, same = ({name: str(content.get(name, "")) for name in names} for names in (FACTS, SAME))
    return Entry(path.stem, str(content["model"]), known, facts, same)


def check_comparable(entries: Sequence[Entry]) -> None:
    """Raise ValueError unless there are several reports, all by one protocol on the same images."""
    if len(entries) < 2:
        raise ValueError(f"a comparison needs two reports or more, not {len(entries)}")
    first = entries[0]
    for entry in entries[1:]:
        for name in SAME:
            ours, theirs = first.same[name], entry.same[name]
            if ours != theirs:
                raise ValueError(
                    f"{first.label} and {entry.label} do not compare: {name} is {ours!r} in one "
                    f"and {theirs!r} in the other; evaluate both on the same images"
                )


def correlation(entries: Sequence[Entry]) -> float:
    """Return Pearson's correlation of PQ and mR@inf, -1..1; NaN below three different points."""
    points = np.array([(entry.scores[QUALITY], entry.scores[BOUND]) for entry in entries])
    if len(np.unique(points, axis=0)) < 3 or (points.std(axis=0) == 0).any():
        return math.nan
    return float(np.corrcoef(points.T)[0, 1])


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file; psg evaluate --json writes reports")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # also bytes that are not text
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("scores"), dict):
        raise ValueError(f"{path} is not a report of psg evaluate --json: it has no scores")
    if "model" not in content:
        raise ValueError(f"{path} is not a report of psg evaluate --json: it names no model")
    return content
