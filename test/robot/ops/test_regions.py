# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Facts of all segments at once against one mask after the other."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.regions import measure_regions


@pytest.mark.parametrize("hw", [(1, 1), (1, 40), (40, 1), (33, 47), (120, 200)])
def test_facts_equal_those_of_each_mask_by_itself(hw):
    rng = np.random.default_rng(hw[0])
    coarse = rng.integers(-1, 6, (-(-hw[0] // 5), -(-hw[1] // 5)))
    label_map = coarse.repeat(5, axis=0).repeat(5, axis=1)[: hw[0], : hw[1]].astype(np.int32)
    label_map[rng.random(hw) < 0.1] = -1
    regions = measure_regions(label_map, 6)
    for segment in range(6):
        rows, cols = np.nonzero(label_map == segment)
        assert regions.area[segment] == len(rows)
        if not len(rows):
            assert not regions.bbox_xyxy[segment].any() and not regions.truncated[segment]
            continue
        box = [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]
        assert regions.bbox_xyxy[segment].tolist() == box
        np.testing.assert_allclose(regions.centroid_xy[segment], [cols.mean(), rows.mean()])
        touches = box[0] == 0 or box[1] == 0 or box[2] == hw[1] or box[3] == hw[0]
        assert regions.truncated[segment] == touches


def test_one_pixel_away_from_the_border_is_not_truncated():
    label_map = np.full((5, 6), -1, np.int32)
    label_map[1:4, 1:5] = 0
    assert not measure_regions(label_map, 1).truncated[0]
    label_map[4, 3] = 0
    assert measure_regions(label_map, 1).truncated[0]


def test_no_segments_give_empty_arrays():
    regions = measure_regions(np.full((4, 4), -1, np.int32), 0)
    assert regions.bbox_xyxy.shape == (0, 4) and regions.centroid_xy.shape == (0, 2)
