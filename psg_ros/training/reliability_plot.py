# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reliability diagram: what was said against what held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from psg_ros.training.calibration import NUM_BINS, Reliability


def plot_reliability(curves: Mapping[str, Reliability], out: Path) -> None:
    """Draw one line a curve, its counts below; on the diagonal what is said is what holds."""
    figure = Figure(figsize=(5.2, 5.6), layout="tight")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="0.7", linestyle="--", linewidth=1)
    edges = np.arange(NUM_BINS) / NUM_BINS
    width = 1 / NUM_BINS / len(curves)
    for position, (name, curve) in enumerate(curves.items()):
        filled = curve.counts > 0
        label = f"{name} (error {curve.expected_error:.3f})"
        upper.plot(curve.said[filled], curve.held[filled], marker="o", label=label)
        lower.bar(edges + position * width, curve.counts, width, align="edge")
    upper.set_ylabel("share that is annotated")
    upper.set_title("Reliability of relations, held-out halves")
    upper.legend()
    upper.grid(alpha=0.3)
    lower.set_xlabel("said")
    lower.set_ylabel("relations")
    lower.set_yscale("log")
    figure.savefig(out, dpi=110)
