# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap of masks, and which pairs are the best."""

from __future__ import annotations

import numpy as np

from psg_ros.robot.tracking.matching import best_pairs, mask_iou
from psg_ros.scene_graph import Segmentation


def test_mask_iou_equals_counting_pixels():
    rng = np.random.default_rng(2)
    maps = rng.integers(-1, 4, (2, 30, 30)).astype(np.int32)
    first, second = (Segmentation(m, np.zeros(4, np.int64), np.zeros(4, np.float32)) for m in maps)
    masks = [(m == np.arange(4)[:, None, None]) for m in maps]
    expected = [[(a & b).sum() / (a | b).sum() for b in masks[1]] for a in masks[0]]
    np.testing.assert_allclose(mask_iou(first, second), expected)


def test_best_pairs_uses_each_row_and_column_once():
    table = np.array([[0.9, 0.8], [0.85, 0.2]])
    assert list(best_pairs(table, 0.3)) == [(0, 0)]
    assert list(best_pairs(table, 0.1)) == [(0, 0), (1, 1)]
    assert list(best_pairs(np.zeros((0, 3)), 0.3)) == []
