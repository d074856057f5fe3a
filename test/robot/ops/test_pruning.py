# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Buckets hold every pair once and of each pair every cell that a segment overlaps."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.pruning import WIDTH_STEP, bucket_pairs


def overlaps(num_pairs: int, num_cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return overlaps of pairs between empty and full."""
    rng = np.random.default_rng(0)
    share = rng.uniform(-0.2, 1.2, (num_pairs, 1))
    values = rng.uniform(0.1, 0.5, (2, num_pairs, num_cells)).astype(np.float32)
    subject = np.where(rng.uniform(size=(num_pairs, num_cells)) < share, values[0], 0)
    other = np.where(rng.uniform(size=(num_pairs, num_cells)) < share / 2, values[1], 0)
    return subject.astype(np.float32), other.astype(np.float32)


@pytest.mark.parametrize("num_pairs", [1, 2, 45, 1770])
@pytest.mark.parametrize("num_cells", [5, 16, 35, 169])
def test_every_pair_once_with_all_cells_of_both_segments(num_pairs, num_cells):
    subject, other = overlaps(num_pairs, num_cells)
    buckets = bucket_pairs(subject, other)
    rows = np.concatenate([bucket.pairs for bucket in buckets])
    assert sorted(rows.tolist()) == list(range(num_pairs))
    for bucket in buckets:
        for pair, cells in zip(bucket.pairs, bucket.cells, strict=True):
            kept = np.flatnonzero((subject[pair] > 0) | (other[pair] > 0))
            assert cells[: len(kept)].tolist() == kept.tolist()
            assert not subject[pair, cells[len(kept) :]].any(), "padding has no overlap"
            assert not other[pair, cells[len(kept) :]].any(), "padding has no overlap"


def test_widths_are_multiples_of_the_step_and_waste_less_than_one():
    subject, other = overlaps(500, 169)
    widths = []
    for bucket in bucket_pairs(subject, other):
        width = bucket.cells.shape[1]
        kept = (subject + other > 0)[bucket.pairs].sum(axis=1)
        assert width == 169 or width % WIDTH_STEP == 0
        assert (kept > width - WIDTH_STEP).all() or width == WIDTH_STEP
        widths.append(width)
    assert widths == sorted(set(widths)) and len(widths) > 5


def test_pair_without_any_cell_still_has_a_place():
    empty = np.zeros((2, 35), np.float32)
    (bucket,) = bucket_pairs(empty, empty)
    assert bucket.pairs.tolist() == [0, 1] and bucket.cells.shape == (2, WIDTH_STEP)


def test_no_pair_is_no_bucket():
    assert bucket_pairs(np.zeros((0, 169), np.float32), np.zeros((0, 169), np.float32)) == []


def test_cells_are_what_the_network_takes():
    for bucket in bucket_pairs(*overlaps(40, 169)):
        assert bucket.cells.dtype == np.int32 and bucket.cells.flags.c_contiguous
