# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What belongs to one image comes together, in whatever order it came."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from psg_ros.scene_graph import VOID, Quality, SceneGraph, SceneNode, Segmentation
from psg_ros.viewing.matching import PATIENCE, Matcher, ids_of, with_masks

HW = (2, 3)
IDS = np.array([[0, 1, 1], [2, 2, 9]], np.uint8)
IMAGE = np.zeros((*HW, 3), np.uint8)


def graph() -> SceneGraph:
    nodes = tuple(
        SceneNode(i, i, "box", True, 0.5, (0, 0, 1, 1), (0.5, 0.5), 1, False) for i in range(2)
    )
    label_map = np.full(HW, VOID, np.int32)
    return SceneGraph(Segmentation(label_map, np.arange(2), np.ones(2, np.float32)), nodes, ())


def key(number: int) -> tuple[int, str]:
    return number, "camera"


@pytest.mark.parametrize("order", ["graph first", "graph last"])
def test_a_scene_waits_for_its_pictures(order: str) -> None:
    matcher = Matcher(with_masks=True, with_images=True)
    steps = [
        lambda: matcher.put_graph(key(5), graph()),
        lambda: matcher.put_label_image(key(5), IDS),
        lambda: matcher.put_image(key(5), IMAGE),
    ]
    for step in steps if order == "graph first" else reversed(steps):
        assert list(matcher.scenes()) == []
        step()
    (scene,) = matcher.scenes()
    assert scene.stamp_ns == 5 and scene.image is IMAGE
    assert scene.graph.segmentation.label_map.tolist() == [[VOID, 0, 0], [1, 1, VOID]]
    assert list(matcher.scenes(is_end=True)) == []


def test_pictures_of_another_camera_or_stamp_are_not_taken() -> None:
    matcher = Matcher(with_masks=False, with_images=True)
    matcher.put_graph(key(5), graph())
    matcher.put_image((5, "other"), IMAGE)
    matcher.put_image(key(6), IMAGE)
    assert list(matcher.scenes()) == []
    (scene,) = matcher.scenes(is_end=True)
    assert scene.image is None


def test_a_graph_whose_pictures_never_come_goes_without_them_and_in_order() -> None:
    matcher = Matcher(with_masks=True, with_images=False)
    found = []
    for number in range(PATIENCE + 3):
        matcher.put_graph(key(number), graph())
        found += [scene.stamp_ns for scene in matcher.scenes()]
    assert found == [0, 1, 2]


def test_a_stale_graph_does_not_wait_for_masks_that_nobody_makes() -> None:
    matcher = Matcher(with_masks=True, with_images=False)
    matcher.put_graph(key(1), replace(graph(), quality=Quality.STALE))
    assert [scene.stamp_ns for scene in matcher.scenes()] == [1]


def test_pictures_without_graphs_do_not_pile_up() -> None:
    matcher = Matcher(with_masks=False, with_images=True)
    for number in range(1000):
        matcher.put_image(key(number), IMAGE)
    assert sum(len(parts) for parts in matcher._parts.values()) < 50


@pytest.mark.parametrize("big_endian", [False, True])
def test_label_images_are_read_in_both_sizes_and_orders(big_endian: bool) -> None:
    values = np.array([[1, 300], [0, 65_534]])
    rows = np.zeros((2, 6), np.uint8)  # two bytes more than needed
    rows[:, :4] = values.astype(">u2" if big_endian else "<u2").view(np.uint8)
    message = SimpleNamespace(
        encoding="mono16", is_bigendian=big_endian, height=2, width=2, step=6, data=rows.tobytes()
    )
    assert ids_of(message).tolist() == values.tolist()
    message.encoding, message.step, message.data = "mono8", 2, bytes([1, 2, 3, 4])
    assert ids_of(message).tolist() == [[1, 2], [3, 4]]


def test_a_smaller_label_image_is_taken_as_it_is() -> None:
    assert with_masks(graph(), np.array([[2]], np.uint8)).segmentation.image_hw == (1, 1)
