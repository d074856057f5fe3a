# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every kind of segmenter learns from the pictures it is shown."""

from __future__ import annotations

import numpy as np
from tiny_networks import PHASES_HW, every_segmenter

from psg_ros.training import train
from psg_ros.training.history import History
from psg_ros.training.segmenter import segmentation

TERMS = ("class", "mask", "dice")
SAMPLES = 60


@every_segmenter
def test_the_loss_falls(tiny_network, write_config, monkeypatch):
    monkeypatch.setattr(segmentation, "REPORT_EVERY", 1)
    size_hw = PHASES_HW[tiny_network["segmenter"].get("type", "eomt")][0]
    phases = [{"input_hw": size_hw, "samples": SAMPLES}]
    settings = {"phases": phases, "learning_rate": 0.005, "points": 64, "workers": 0}
    folder = train.run(write_config(segmentation=settings), stage="segmentation")
    rows = History(folder / "segmentation.jsonl").rows()
    losses = np.array([sum(row[term] for term in TERMS) for row in rows])
    assert np.isfinite(losses).all()
    assert losses[-5:].mean() < 0.8 * losses[:5].mean()
