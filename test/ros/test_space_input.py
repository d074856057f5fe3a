# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth, camera_info and transforms on their way into the graph, over DDS."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

import cv2
from geometry_msgs.msg import Quaternion
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from test_transforms import stamped

from psg_ros.msg import SceneGraph
from psg_ros.ros.conversions import ns_to_time, rgb_to_msg

pytestmark = pytest.mark.ros

EYE = "eye_optical_frame"
HW = (32, 48)
AWAY_M = 1.5
MS = 1_000_000


class Robot:
    """A camera with depth beside the node under test: what it publishes, and what it hears."""

    def __init__(self, embedding, depth_kind=Image, depth_topic="/depth", reliability="reliable"):
        self.embedding = embedding
        qos = QoSProfile(depth=5, reliability=ReliabilityPolicy[reliability.upper()])
        self.image = embedding.camera()
        self.depth = embedding.peer.create_publisher(depth_kind, depth_topic, qos)
        self.info = embedding.peer.create_publisher(CameraInfo, "/camera_info", qos)
        self.next_s = 0.0
        self.subscription, self.graphs = embedding.listen(SceneGraph, "/scene_graph")

    def meet(self):
        publishers = (self.image, self.depth, self.info)
        self.embedding.spin_until(lambda: all(p.get_subscription_count() for p in publishers))

    def shoot(self, depth=None, late_ms=0, frame=EYE, info=None, camera=True, stamp_ns=None):
        """Publish an image of now, with depth whose stamp is `late_ms` later; return its stamp."""
        stamp_ns = stamp_ns or time.time_ns()
        header = Header(stamp=ns_to_time(stamp_ns), frame_id=EYE)
        if camera:
            self.info.publish(info or camera_info(header))
        if depth is not None:
            depth.header = Header(stamp=ns_to_time(stamp_ns + late_ms * MS), frame_id=frame)
            self.depth.publish(depth)
        self.image.publish(rgb_to_msg(np.full((*HW, 3), 200, np.uint8), header))
        return stamp_ns

    def until(self, condition, **options):
        """Shoot until a graph satisfies the condition; return it."""
        found = []

        def look():
            found.extend(graph for graph in self.graphs if condition(graph))
            self.graphs.clear()
            return found

        self.embedding.spin_until(look, lambda: self.tick(**options))
        return found[0]

    def tick(self, **options):
        """Shoot now and then. One executor for all: it must get around to every message."""
        if time.monotonic() >= self.next_s:
            self.next_s = time.monotonic() + 0.15
            self.shoot(**options)


def camera_info(header=None, hw=HW):
    focal = 50.0
    return CameraInfo(
        header=header or Header(frame_id=EYE), height=hw[0], width=hw[1],
        k=[focal, 0.0, hw[1] / 2 - 0.5, 0.0, focal, hw[0] / 2 - 0.5, 0.0, 0.0, 1.0],
    )  # fmt: skip


def metres(hw=HW, value=AWAY_M, dtype=np.float32):
    values = np.full(hw, value, dtype)
    return Image(
        height=hw[0], width=hw[1], step=hw[1] * values.itemsize, data=values.tobytes(),
        encoding="32FC1" if dtype == np.float32 else "16UC1",
    )  # fmt: skip


def compressed_millimetres():
    png = cv2.imencode(".png", np.full(HW, 1000 * AWAY_M, np.uint16))[1].tobytes()
    return CompressedImage(format="16UC1; compressedDepth png", data=bytes(12) + png)


def has_position(graph):
    return bool(graph.nodes) and graph.nodes[0].has_position


def place(graph):
    position = graph.nodes[0].position
    return position.x, position.y, position.z


DEPTHS: dict[str, tuple[object, dict]] = {
    "metres": (metres(), {}),
    "millimetres": (metres(value=1000 * AWAY_M, dtype=np.uint16), {}),
    "half the size": (metres((16, 24)), {}),
    "compressed": (compressed_millimetres(), {"depth_transport": "compressedDepth"}),
    "a little later": (metres(), {"late_ms": 9}),
}


@pytest.mark.parametrize("case", DEPTHS)
def test_nodes_get_positions_in_the_cameras_frame(embedding, case):
    depth, options = DEPTHS[case]
    transport = options.get("depth_transport", "raw")
    robot = Robot(
        embedding, type(depth), "/depth" + ("/compressedDepth" if transport != "raw" else "")
    )
    embedding.node(depth_transport=transport)
    robot.meet()
    graph = robot.until(has_position, depth=depth, late_ms=options.get("late_ms", 0))
    assert graph.spatial_frame_id == EYE
    assert place(graph) == pytest.approx((0, 0, AWAY_M), abs=0.01)
    size = graph.nodes[0].size
    assert (size.x, size.y) == pytest.approx((48 / 50 * AWAY_M, 32 / 50 * AWAY_M), abs=0.12)
    covariance = graph.nodes[0].position_covariance
    assert np.isfinite(covariance).all() and covariance[8] > 0


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
def test_depth_of_any_reliability_is_heard(embedding, reliability):
    robot = Robot(embedding, reliability=reliability)
    embedding.node()
    robot.meet()
    robot.until(has_position, depth=metres())


def warnings(node, monkeypatch):
    """Return the list that gathers what a node warns of."""
    from psg_ros.ros import space_input

    heard = []
    monkeypatch.setattr(space_input, "PATIENCE_S", 0.0)
    logger = node.get_logger()
    monkeypatch.setattr(logger, "warning", lambda text, **_: heard.append(text))
    monkeypatch.setattr(node, "get_logger", lambda: logger)
    return heard


LACKING = {
    "no camera_info": ({"depth": metres(), "camera": False}, "nothing has arrived on /camera_info"),
    "stamps far apart": ({"depth": metres(), "late_ms": 5000}, "after the image, depth_slop_s is"),
    "another frame": (
        {"depth": metres(), "frame": "depth_optical_frame"},
        "/depth is of frame depth_optical_frame, the image of eye_optical_frame: use depth",
    ),
    "another shape": ({"depth": metres((40, 40))}, "depth of 40 x 40 px and an image of 48 x 32"),
    "a picture": ({"depth": rgb_to_msg(np.zeros((*HW, 3), np.uint8), Header())}, "'rgb8' is no de"),
    "cut off": ({"depth": Image(height=32, width=48, step=192, encoding="32FC1")}, "data holds 0"),
    "another unit": ({"depth": metres(value=1500.0)}, "beyond max_depth_m 20 (median 1500 m)"),
    "nowhere measured": ({"depth": metres(value=np.nan)}, ""),
    "intrinsics that are no numbers": (
        {
            "depth": metres(),
            "info": CameraInfo(
                height=32, width=48, header=Header(frame_id=EYE), k=[float("nan")] * 9
            ),
        },
        "finite intrinsics",
    ),
    "not calibrated": (
        {"depth": metres(), "info": CameraInfo(height=32, width=48, header=Header(frame_id=EYE))},
        "camera_info is not calibrated",
    ),
}


@pytest.mark.parametrize("case", LACKING)
def test_what_is_missing_costs_the_position_alone_and_is_named(embedding, monkeypatch, case):
    options, words = LACKING[case]
    robot = Robot(embedding)
    node = embedding.node(started=False)
    heard = warnings(node, monkeypatch)
    embedding.start(node)
    robot.meet()
    for _ in range(3):
        graph = robot.until(lambda g: True, **options)
        assert len(graph.nodes) == 1 and not graph.nodes[0].has_position
        assert np.isnan(place(graph)).all()
    if words:
        embedding.spin_until(lambda: any(words in text for text in heard))
        assert len([text for text in heard if words in text]) == 1


def test_a_node_without_depth_says_nothing_of_it(embedding, monkeypatch):
    robot = Robot(embedding)
    node = embedding.node(started=False)
    heard = warnings(node, monkeypatch)
    embedding.start(node)
    robot.meet()
    graph = robot.until(lambda g: g.sequence >= 3)
    assert graph.spatial_frame_id == "" and not heard
    assert embedding.pipelines[0].frame.depth is None


def test_a_frame_that_is_asked_for_without_transforms_is_named(embedding, monkeypatch):
    robot = Robot(embedding)
    node = embedding.node(started=False, spatial_frame_id="map")
    heard = warnings(node, monkeypatch)
    embedding.start(node)
    robot.meet()
    # Before the first image, whose graph would otherwise lack depth that is still on its way.
    robot.depth.publish(metres())
    embedding.spin_until(lambda: node._streams[0]._space._pairing.has_heard)
    graph = robot.until(lambda g: g.sequence >= 3, depth=metres())
    assert len(graph.nodes) == 1 and not graph.nodes[0].has_position

    def named():
        """Return what was said of the frame; of the first image, its depth may be late, too."""
        return [text for text in heard if "no positions" in text and "map" in text]

    embedding.spin_until(named, lambda: robot.shoot(depth=metres()))
    text = named()[0]
    assert "tf2_msgs is not installed" in text or "nobody publishes" in text
    assert any("gravity is not known" in text for text in heard)
    # Depth still tells what touches what.
    assert embedding.pipelines[0].frame.depth is not None


def ahead():
    """The camera 1 m above the base, looking along its x."""
    turn = Quaternion(x=-0.5, y=0.5, z=-0.5, w=0.5)
    return stamped("base_link", EYE, (0.1, 0.0, 1.0), turn)


def test_positions_and_gravity_come_from_the_transform_at_the_stamp(embedding, monkeypatch):
    """The buffer filled by hand with real messages, whether or not tf2_msgs is installed."""
    from psg_ros.ros import tf_input

    monkeypatch.setattr(tf_input, "TfInput", lambda node, buffer, complain: Filled(buffer))
    robot = Robot(embedding)
    embedding.node(spatial_frame_id="base_link")
    robot.meet()
    graph = robot.until(has_position, depth=metres())
    assert graph.spatial_frame_id == "base_link" and graph.header.frame_id == EYE
    assert place(graph) == pytest.approx((AWAY_M + 0.1, 0, 1.0), abs=0.01)
    assert embedding.pipelines[0].frame.up == pytest.approx((0, -1, 0))


class Filled:
    def __init__(self, buffer):
        buffer.add(ahead(), static=True)

    def close(self):
        pass


def test_the_cameras_own_up_needs_neither_transform_nor_depth(embedding, monkeypatch):
    robot = Robot(embedding)
    node = embedding.node(started=False, camera_up="0 -2 0.5")
    heard = warnings(node, monkeypatch)
    embedding.start(node)
    robot.meet()
    robot.until(lambda g: g.sequence >= 3)
    assert embedding.pipelines[0].frame.up == (0, -2, 0.5)
    assert not [text for text in heard if "no positions" in text]


def test_a_depth_that_went_silent_holds_nothing_back(embedding):
    robot = Robot(embedding)
    embedding.node(depth_wait_s=1.0)
    robot.meet()
    robot.until(has_position, depth=metres())
    time.sleep(1.1)

    def answer_s():
        """Return how long the graph of one image took; long, too, where this process paused."""
        started_s = time.monotonic()
        stamp = ns_to_time(robot.shoot())
        embedding.spin_until(
            lambda: (
                any(graph.header.stamp == stamp for graph in robot.graphs)
                or time.monotonic() - started_s > 3.0
            )
        )
        return time.monotonic() - started_s

    assert any(answer_s() < 0.9 for _ in range(10)), "every image waits for its depth"
    assert not robot.graphs[-1].nodes[0].has_position


def test_stops_and_starts_leave_no_subscription_behind(embedding):
    robot = Robot(embedding)
    node = embedding.node()
    robot.meet()
    node.trigger_deactivate()
    embedding.spin_until(lambda: not robot.depth.get_subscription_count())
    node.trigger_activate()
    robot.meet()
    robot.until(has_position, depth=metres())
