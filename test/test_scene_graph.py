# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The result types refuse what is not one."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.scene_graph import (
    VOID,
    Position,
    RelationScores,
    SceneGraph,
    SceneNode,
    Segmentation,
    Track,
    TrackState,
)


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


def node(segment: int, **more) -> SceneNode:
    return SceneNode(segment, 3, "cup", True, 0.5, (0, 0, 1, 1), (0.0, 0.0), 1, True, **more)


def tracked(segment: int, id_: int) -> SceneNode:
    return node(segment, track=Track(id_, TrackState.TENTATIVE, 0))


def test_a_node_goes_by_the_id_of_its_track_or_else_by_the_number_of_its_segment():
    assert (node(1).id, tracked(1, 9).id) == (2, 9)
    assert SceneGraph(segmentation(), (tracked(0, 9), tracked(1, 4)), ()).node_ids == [9, 4]


def test_nodes_that_are_not_seen_come_behind_the_segments():
    unseen = tracked(VOID, 7)
    graph = SceneGraph(segmentation(), (tracked(0, 9), tracked(1, 4), unseen), ())
    assert graph.node_ids == [9, 4, 7]
    for nodes in ((unseen, tracked(0, 9), tracked(1, 4)), (tracked(1, 4), tracked(0, 9))):
        with pytest.raises(ValueError, match="nodes must be in segment order"):
            SceneGraph(segmentation(), nodes, ())
    with pytest.raises(ValueError, match="must have a track"):
        node(VOID)


def test_an_id_names_one_node():
    with pytest.raises(ValueError, match=r"two nodes have one id: \[2, 2\]"):
        SceneGraph(segmentation(), (tracked(0, 2), node(1)), ())
    with pytest.raises(ValueError, match="must be 1 or more, not 0"):
        Track(0, TrackState.TENTATIVE, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xyz_m": (1.0, 2.0)}, "xyz_m must hold 3 finite numbers"),
        ({"xyz_m": (1.0, 2.0, float("nan"))}, "xyz_m must hold 3 finite numbers"),
        ({"covariance_m2": (0.0,) * 8}, "covariance_m2 must hold 9 finite numbers"),
        ({"size_m": (1.0, 1.0, -1.0)}, "size_m must not be negative"),
    ],
)
def test_a_position_is_measured_whole(changes, message):
    whole = {"xyz_m": (1.0, 2.0, 3.0), "covariance_m2": (0.0,) * 9, "size_m": (1.0, 1.0, 0.0)}
    assert Position(**whole)
    with pytest.raises(ValueError, match=message):
        Position(**(whole | changes))


def test_positions_say_in_what_frame_they_are():
    nodes = (node(0, position=Position((1.0, 2.0, 3.0), (0.0,) * 9, (1.0,) * 3)), node(1))
    with pytest.raises(ValueError, match="spatial_frame_id"):
        SceneGraph(segmentation(), nodes, ())
    assert SceneGraph(segmentation(), nodes, (), spatial_frame_id="map").nodes == nodes
