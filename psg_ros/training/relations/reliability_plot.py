# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reliability diagram: what was said against what held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from psg_ros.evaluation.metrics.reliability import Reliability


def plot_reliability(curves: Mapping[str, Reliability], out: Path) -> None:
    """Draw one line a curve, its counts below; on the diagonal what is said is what holds."""
    figure = Figure(figsize=(5.2, 5.6), layout="tight")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="0.7", linestyle="--", linewidth=1)
    for position, (name, curve) in enumerate(curves.items()):
        filled, bins = curve.judged > 0, len(curve.judged)
        label = f"{name} (error {curve.calibration_error:.3f})"
        upper.plot(curve.mean_score[filled], curve.share_right[filled], marker="o", label=label)
        width = 1 / bins / len(curves)
        edges = np.arange(bins) / bins + position * width
        lower.bar(edges, curve.judged, width, align="edge")
    upper.set_ylabel("share that is annotated")
    upper.set_title("Reliability of relations, held-out halves")
    upper.legend()
    upper.grid(alpha=0.3)
    lower.set_xlabel("said")
    lower.set_ylabel("relations")
    lower.set_yscale("log")
    figure.savefig(out, dpi=110)
