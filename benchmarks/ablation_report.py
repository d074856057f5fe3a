# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Table and picture of a study by ablations.py, beside what DSFlash reports.

    python benchmarks/ablation_report.py build/ablations/results.jsonl --picture ablations.png

Figures are percent, mean over seeds and the standard deviation of one seed. A difference to the
reference is that of the same seed; it counts as a change when it is at least twice its standard
error, otherwise it is called noise. One seed alone has no spread and says nothing for sure.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ablations import REFERENCE, VARIANTS, read_results

MAIN = "SGDet mR@50"
COLUMNS = ("SGDet mR@50", "PredCls mR@50", "SGDet R@50")
PAPER_REFERENCE = 28.8
PAPER = {
    "one direction per pair": 25.0,
    "gate, no swap training": 23.8,
    "raw-resolution masks": 28.5,
    "pruning at test time": 26.67,
    "ToMe 0.5 at test time": 24.87,
    "inferred masks in training": 22.1,
}
"""mR@50 of DSFlash-B on PSG, where the paper has the step alone."""
PAPER_WORDS = {
    "pruning in training": "recovers part of what pruning costs",
    "ToMe 0.3 at test time": "26.51 with pruning, which alone gives 26.67",
}
"""What the paper says in other cases; of its rows with ToMe only that of 0.3 prunes."""

Seeds = dict[int, dict[str, Any]]


def by_variant(rows: list[dict[str, Any]]) -> dict[str, Seeds]:
    """Return variant -> seed -> row, in the order of the study."""
    found: dict[str, Seeds] = defaultdict(dict)
    for row in rows:
        found[row["variant"]][row["seed"]] = row
    return {v.name: found[v.name] for v in VARIANTS if v.name in found}


def references() -> dict[str, str]:
    """Return variant -> the variant it is compared with, without those compared with none."""
    compared = {v.name: v.against or REFERENCE for v in VARIANTS}
    return {name: other for name, other in compared.items() if name != other}


def spread(values: list[float]) -> float:
    return stdev(values) if len(values) > 1 else math.nan


def differences(seeds: Seeds, reference: Seeds, column: str) -> list[float]:
    """Return variant minus reference of every seed that both have."""
    return [seeds[s][column] - reference[s][column] for s in seeds if s in reference]


def told(values: list[float], sign: str = "") -> str:
    """Return the mean and, where there is one, the spread."""
    error = f" ± {spread(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):{sign}.1f}{error}"


def verdict(change: list[float], name: str) -> str:
    """Say what the change is, and whether the paper's has the same sign."""
    if len(change) == 1:
        return "one seed"
    if abs(mean(change)) < 2 * spread(change) / math.sqrt(len(change)):
        return "noise"
    direction = "better" if mean(change) > 0 else "worse"
    if name not in PAPER:
        return direction
    agrees = (mean(change) > 0) == (PAPER[name] > PAPER_REFERENCE)
    return f"{direction}, {'as' if agrees else 'NOT as'} in the paper"


def table(variants: dict[str, Seeds]) -> str:
    """Return Markdown."""
    lines = [
        f"| variant | seeds | {' | '.join(COLUMNS)} | change of {MAIN} | paper | |",
        f"|:--|--:|{'--:|' * len(COLUMNS)}--:|:--|:--|",
    ]
    against = references()
    for name, seeds in variants.items():
        columns = {c: [row[c] for row in seeds.values()] for c in COLUMNS}
        cells = [told(values) for values in columns.values()]
        beside = ("", str(PAPER_REFERENCE) if name == REFERENCE else "", "a reference")
        if name in against:
            change = differences(seeds, variants[against[name]], MAIN)
            paper = PAPER_WORDS.get(name, str(PAPER.get(name, "not reported")))
            beside = (told(change, "+"), paper, verdict(change, name))
        lines.append(f"| {name} | {len(seeds)} | {' | '.join((*cells, *beside))} |")
    return "\n".join(lines)


def plot(variants: dict[str, Seeds], out: Path) -> None:
    """Draw the change of every variant with the spread over seeds, the paper's as a cross."""
    from matplotlib.figure import Figure

    against = references()
    names = [name for name in variants if name in against][::-1]
    figure = Figure(figsize=(7.5, 0.42 * len(names) + 1.2), layout="tight")
    axes = figure.subplots()
    for row, name in enumerate(names):
        change = differences(variants[name], variants[against[name]], MAIN)
        axes.barh(row, mean(change), xerr=spread(change), color="#4878a8", capsize=3)
        axes.plot(change, [row] * len(change), "o", color="0.2", markersize=3)
        if name in PAPER:
            axes.plot(PAPER[name] - PAPER_REFERENCE, row, "x", color="#c8442c", markersize=9)
    axes.plot([], [], "x", color="#c8442c", label="DSFlash-B on PSG")
    axes.plot([], [], "o", color="0.2", markersize=3, label="one seed")
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(f"change of {MAIN} against the reference, percentage points")
    axes.legend(loc="lower left", fontsize=8)
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results.jsonl of a study")
    parser.add_argument("--picture", type=Path, help="also draw the changes there, as PNG")
    options = parser.parse_args()
    variants = by_variant(read_results(options.results))
    needed = {other for name, other in references().items() if name in variants}
    if missing := needed - variants.keys():
        names = ", ".join(f"'{name}'" for name in sorted(missing))
        parser.error(f"{options.results} has no result of {names}, with which others are compared")
    print(table(variants))
    if options.picture:
        plot(variants, options.picture)


if __name__ == "__main__":
    main()
