# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic segments come out of the real merge as they went in."""

import numpy as np
import pytest

from psg_ros.benchmark.ladder.scene import make_scene, partition
from psg_ros.robot.ops.image import place
from psg_ros.robot.ops.panoptic import merge

SIZES = {"num_queries": 40, "num_labels": 50, "grid_hw": (48, 48), "content_hw": (36, 48)}


def merged(scene, resolution):
    return merge(
        scene.class_logits,
        scene.mask_logits,
        place((144, 192), (192, 192)),
        resolution=resolution,
        score_threshold=0.8,
        overlap_threshold=0.8,
        is_thing=np.arange(50) < 30,
    )


@pytest.mark.parametrize("num_masks", [2, 12, 30])
def test_every_segment_of_a_partition_is_visible_and_nothing_is_left(num_masks):
    label_map = partition(num_masks, np.random.default_rng(0))
    assert label_map.shape == (160, 160)
    assert np.array_equal(np.unique(label_map), np.arange(num_masks))


def test_few_segments_are_large_and_many_small():
    areas = np.bincount(partition(24, np.random.default_rng(0)).ravel())
    assert areas.max() > 5 * np.median(areas)


@pytest.mark.parametrize("resolution", ["mask", "input"])
def test_merge_finds_all_segments_and_fills_the_picture(resolution):
    found = merged(make_scene(12, **SIZES, seed=0), resolution).segmentation
    assert found.num_segments == 12
    assert (found.label_map >= 0).mean() > 0.999
    assert (found.scores > 0.99).all()


def test_merge_on_the_raw_grid_gives_the_partition_itself():
    expected = partition(12, np.random.default_rng(3), SIZES["content_hw"])
    found = merged(make_scene(12, **SIZES, seed=3), "mask").content_map
    pairs = {(int(a), int(b)) for a, b in zip(expected.ravel(), found.ravel(), strict=True)}
    assert len(pairs) == 12, "one found segment for each, up to the order of the queries"


def test_more_masks_than_queries_are_refused():
    with pytest.raises(ValueError, match="41 masks .* 40 queries"):
        make_scene(41, **SIZES, seed=0)
