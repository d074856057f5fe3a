# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg bag --depth: recorded depth and CameraInfo give nodes positions in the camera's frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph_bags import read_alone
from recorded_bags import typestore
from tiny_model import paint

from psg_ros.__main__ import main
from psg_ros.bags.depth import info_topic

pytest.importorskip("rosbags", reason="needs the extra 'bags'")

HW = (120, 240)
SECOND_NS = 1_000_000_000
SCENE = paint(HW, {"red": (20, 20, 100, 100), "blue": (140, 20, 220, 100)})
FOCAL_PX = 200.0
RED_M, BLUE_M = 1.5, 2.0
TOPICS = {
    "/camera/image_raw": "sensor_msgs/msg/Image",
    "/camera/depth": "sensor_msgs/msg/Image",
    "/camera/camera_info": "sensor_msgs/msg/CameraInfo",
}


def depth_mm() -> np.ndarray:
    metres = np.full(HW, BLUE_M)
    metres[:, :120] = RED_M
    return (1000 * metres).astype(np.uint16)


def write(path: Path, count: int = 3, late: bool = True, frame_id: str = "camera") -> Path:
    """Write a bag.

    Args:
        late: depth is recorded after the image that it belongs to.
        frame_id: of the depth.
    """
    from rosbags.rosbag2 import Writer

    store, types = typestore(), typestore().types
    with Writer(path, version=9) as writer:
        topics = {
            name: writer.add_connection(name, kind, typestore=store)
            for name, kind in TOPICS.items()
        }

        def put(name: str, time_ns: int, message: Any) -> None:
            writer.write(topics[name], time_ns, store.serialize_cdr(message, TOPICS[name]))

        for index in range(count):
            now_ns = (100 + index) * SECOND_NS
            put("/camera/camera_info", now_ns, camera_info(types, header(types, index, "camera")))
            rgb = image(types, header(types, index, "camera"), SCENE, "rgb8")
            put("/camera/image_raw", now_ns, rgb)
            depth = image(types, header(types, index, frame_id), depth_mm(), "16UC1")
            put("/camera/depth", now_ns + (SECOND_NS // 4 if late else 0), depth)
    return path


def header(types: Any, index: int, frame_id: str) -> Any:
    stamp = types["builtin_interfaces/msg/Time"](sec=6 + index, nanosec=0)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)


def image(types: Any, head: Any, pixels: np.ndarray, encoding: str) -> Any:
    data = np.ascontiguousarray(pixels).view(np.uint8).ravel()
    height, width = pixels.shape[:2]
    step = data.size // height
    return types["sensor_msgs/msg/Image"](head, height, width, encoding, 0, step, data)


def camera_info(types: Any, head: Any) -> Any:
    height, width = HW
    k = np.array([FOCAL_PX, 0, width / 2, 0, FOCAL_PX, height / 2, 0, 0, 1], float)
    return types["sensor_msgs/msg/CameraInfo"](
        header=head, height=height, width=width, distortion_model="plumb_bob",
        d=np.zeros(5), k=k, r=np.eye(3).ravel(), p=np.zeros(12), binning_x=0, binning_y=0,
        roi=types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False),
    )  # fmt: skip


@pytest.fixture
def bag(tiny_model: Path):
    fixed = ["--model", str(tiny_model), "--topic", "/camera/image_raw"]
    return lambda *arguments: main(["bag", *map(str, arguments), *fixed])


@pytest.mark.parametrize("late", [False, True])
def test_nodes_get_positions_also_when_depth_comes_after_its_image(bag, tmp_path: Path, late: bool):
    source = write(tmp_path / "images", late=late)
    assert bag(source, "-o", tmp_path / "out", "--depth", "/camera/depth") == 0
    graphs = read_alone(tmp_path / "out")["/scene_graph"]
    assert [time_ns for time_ns, _ in graphs] == [(100 + i) * SECOND_NS for i in range(3)]
    for _, graph in graphs:
        assert graph.spatial_frame_id == "camera"
        at = {n.class_name: (n.position.x, n.position.z) for n in graph.nodes if n.has_position}
        assert at["red"] == pytest.approx((RED_M * (60 - 120) / FOCAL_PX, RED_M), abs=0.05)
        assert at["blue"] == pytest.approx((BLUE_M * (180 - 120) / FOCAL_PX, BLUE_M), abs=0.05)
        assert graph.timing.received_frames == graph.sequence


def test_depth_that_does_not_fit_costs_the_positions_alone_and_is_said(
    bag, tmp_path: Path, capsys
) -> None:
    source = write(tmp_path / "images", frame_id="depth_camera")
    assert bag(source, "-o", tmp_path / "out", "--depth", "/camera/depth") == 0
    assert "3 graphs without positions: depth or camera_info is of frame" in capsys.readouterr().err
    graphs = [graph for _, graph in read_alone(tmp_path / "out")["/scene_graph"]]
    assert [len(graph.nodes) for graph in graphs] == [2, 2, 2]
    assert not any(node.has_position for graph in graphs for node in graph.nodes)


def test_topics_that_are_not_there_are_named(bag, tmp_path: Path, capsys) -> None:
    source = write(tmp_path / "images")
    assert bag(source, "-o", tmp_path / "out", "--depth", "/nothing") == 2
    assert "no depth images on /nothing" in capsys.readouterr().err
    options = ["--depth", "/camera/depth", "--camera-info", "/nothing"]
    assert bag(source, "-o", tmp_path / "out", *options) == 2
    assert "no sensor_msgs/msg/CameraInfo on /nothing" in capsys.readouterr().err


@pytest.mark.parametrize("topic", ["/camera/image_raw", "/camera/image_raw/compressed"])
def test_the_camera_info_lies_beside_the_images(topic: str) -> None:
    assert info_topic(topic) == "/camera/camera_info"
