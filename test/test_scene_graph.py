# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The result types refuse what is not one."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.scene_graph import RelationScores, SceneGraph, Segmentation


def segmentation(**changes) -> Segmentation:
    arrays = {
        "label_map": np.array([[0, 1], [-1, 1]], np.int32),
        "labels": np.array([3, 5], np.int64),
        "scores": np.array([0.5, 1], np.float32),
    }
    return Segmentation(**(arrays | changes))


def test_a_segmentation_tells_its_sizes():
    assert segmentation().num_segments == 2
    assert segmentation(label_map=np.full((4, 7), -1, np.int32)).image_hw == (4, 7)


def test_no_segments_are_an_ordinary_segmentation():
    empty = segmentation(
        label_map=np.full((2, 2), -1, np.int32),
        labels=np.zeros(0, np.int64),
        scores=np.zeros(0, np.float32),
    )
    assert SceneGraph(empty, (), ()).nodes == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_map": np.zeros((2, 2), np.int64)}, r"label_map must be int32 \[height, "),
        ({"label_map": np.zeros(4, np.int32)}, r"not int32 \[4\]"),
        ({"labels": np.zeros(2, np.int32)}, "labels must be int64"),
        ({"scores": np.zeros((2, 1), np.float32)}, r"scores must be float32 \[segment\]"),
        ({"scores": np.zeros(3, np.float32)}, "2 labels but 3 scores"),
        ({"label_map": np.full((2, 2), 2, np.int32)}, "label map names segment 2 of 2 segments"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        segmentation(**changes)


def test_relation_scores_must_pair_up():
    pairs, logits = np.zeros((2, 2), np.int32), np.zeros((3, 5), np.float32)
    with pytest.raises(ValueError, match="2 pairs but 3 rows of logits"):
        RelationScores(pairs, logits)
    with pytest.raises(ValueError, match=r"pairs must be int32 \[pair, 2\], not int32 \[2, 3\]"):
        RelationScores(np.zeros((2, 3), np.int32), logits[:2])


def test_a_graph_has_one_node_per_segment():
    with pytest.raises(ValueError, match="0 nodes for 2 segments"):
        SceneGraph(segmentation(), (), ())
