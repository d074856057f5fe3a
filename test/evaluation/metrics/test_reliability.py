# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bins and calibration error by hand."""

import numpy as np
import pytest

from psg_ros.evaluation.metrics.reliability import Reliability


def counted(rows, bins=4):
    """Rows of (score, judged, right)."""
    scores, judged, right = (np.array(column) for column in zip(*rows, strict=True))
    return Reliability.of(scores, judged.astype(bool), right.astype(bool), bins)


def test_scores_fall_into_equal_bins_and_one_into_the_last():
    result = counted([(0.0, 1, 0), (0.25, 1, 1), (0.49, 0, 1), (1.0, 1, 1)])
    assert result.judged.tolist() == [1, 1, 0, 1]
    assert result.right.tolist() == [0, 1, 0, 1]
    assert result.others.tolist() == [0, 1, 0, 0]


def test_share_and_mean_are_of_what_is_judged():
    result = counted([(0.1, 1, 1), (0.2, 1, 0), (0.2, 0, 0)])
    assert result.share_right[0] == 0.5
    assert result.mean_score[0] == pytest.approx(0.15)
    assert np.isnan(result.share_right[1:]).all()


def test_calibration_error_is_the_mean_gap_weighted_by_counts():
    # Bin 0: mean 0.1, right 0; bin 3: mean 0.9, right 2 of 3.
    result = counted([(0.1, 1, 0), (0.9, 1, 1), (0.9, 1, 1), (0.9, 1, 0)])
    assert result.calibration_error == pytest.approx((0.1 + 3 * (0.9 - 2 / 3)) / 4)


def test_images_add_up():
    rng = np.random.default_rng(0)
    rows = list(zip(rng.random(50), rng.random(50) < 0.7, rng.random(50) < 0.5, strict=True))
    together, parts = counted(rows), counted(rows[:20]) + counted(rows[20:])
    assert together.calibration_error == pytest.approx(parts.calibration_error)
    assert together.brier == pytest.approx(parts.brier)
    assert np.array_equal(together.right, parts.right)


def test_the_brier_score_is_the_mean_squared_difference_of_what_is_judged():
    result = counted([(0.1, 1, 0), (0.1, 1, 1), (0.9, 1, 1), (0.6, 0, 0)])
    assert result.brier == pytest.approx((0.1**2 + 0.9**2 + 0.1**2) / 3)


def test_where_all_is_judged_nothing_is_left_over():
    scores, right = np.array([0.05, 0.05, 0.95, 0.95]), np.array([False, True, True, True])
    result = Reliability.of_judged(scores, right)
    assert not result.others.any()
    assert (result.judged[0], result.judged[9]) == (2, 2)
    assert (result.share_right[0], result.share_right[9]) == (0.5, 1.0)
    assert result.calibration_error == pytest.approx((0.45 + 0.05) / 2)
    assert result.brier == pytest.approx((0.05**2 + 0.95**2 + 2 * 0.05**2) / 4)


def test_nothing_has_no_error():
    assert np.isnan(Reliability.empty().calibration_error)
    assert np.isnan(Reliability.empty().brier)
