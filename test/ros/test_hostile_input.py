# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in, the node stays active, counts it, and says what is wrong."""

import random
import time
from functools import partial

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from embedding import IMAGE_RGB, shoot
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from psg_ros.machine import resident_mib
from psg_ros.msg import SceneGraph
from psg_ros.ros.conversions import ns_to_time, rgb_to_msg, time_to_ns

pytestmark = pytest.mark.ros

ENCODINGS = ["rgb8", "bgr8", "mono8", "mono16", "bayer_rggb8", "yuv422", "nv12", "32FC1", "16UC1",
             "", "rgb8\n", "RGB8", "x" * 5000, "日本", "8UC3", "8UC5", "rgba16"]  # fmt: skip
SIZES = [0, 1, 2, 7, 8, 65_535, 2**31, 2**32 - 1]
STAMPS = [(0, 0), (2**31 - 1, 999_999_999), (-(2**31), 0), (5, 2**32 - 1), (1, 0)]


def fuzzed(rng):
    """Return an image message in which anything may be wrong."""
    sec, nanosec = rng.choice(STAMPS)
    header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=rng.choice(["", "a", "f" * 999]))
    image = Image(header=header, encoding=rng.choice(ENCODINGS))
    image.height, image.width = rng.choice(SIZES), rng.choice(SIZES)
    image.step = rng.choice([0, 1, image.width % 1000 * 3, 24, 2**32 - 1])
    image.is_bigendian = rng.choice([0, 1, 255])
    image.data = np.random.default_rng(rng.randrange(99)).bytes(rng.choice([0, 1, 24, 192, 4096]))
    return image


def adds_up(graph):
    t = graph.timing
    parts = (graph.sequence, t.dropped_frames, t.failed_frames, t.skipped_frames)
    return t.received_frames == sum(parts)


def tried(node):
    """Return of how many images the node has made a graph, or has tried to."""
    counts = node._streams[0].facts().counts
    return counts.graphs + counts.failed


def publish_many(embedding, node, publish, count):
    """Publish images as fast as they go; of every ten, one that no newer one replaces."""
    for number in range(count):
        before = tried(node)
        publish()
        if number % 10 == 0:
            embedding.spin_until(lambda n=before: tried(node) > n)
        else:
            embedding.executor.spin_once(timeout_sec=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fuzzed_images_cost_no_more_than_themselves(embedding, capfd, seed):
    rng = random.Random(seed)
    node = embedding.node()
    camera = embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))
    publish_many(embedding, node, lambda: camera.publish(fuzzed(rng)), 150)
    embedding.settle(graphs, partial(shoot, camera))
    assert graphs[-1].timing.failed_frames > 0 and all(map(adds_up, graphs))
    assert node._streams[0].facts().last_failure
    log = capfd.readouterr().err
    assert "image skipped" in log and "Traceback" not in log
    assert log.count("image skipped") < 60, "one line for each cause"


def test_fuzzed_compressed_images_too(embedding, capfd):
    rng = random.Random(4)
    node = embedding.node(image_transport="compressed")
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    camera = embedding.peer.create_publisher(CompressedImage, "/image/compressed", qos)
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    import cv2

    good = cv2.imencode(".png", IMAGE_RGB)[1].tobytes()

    def publish(data, name, stamp_ns):
        header = Header(stamp=ns_to_time(stamp_ns))
        camera.publish(CompressedImage(header=header, format=name, data=data))

    def publish_broken():
        broken = bytearray(good[: rng.randrange(1, len(good))])
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        data = bytes(broken) if rng.random() < 0.9 else b""
        publish(data, rng.choice(["", "png", "jpeg", "\0"]), time.time_ns())

    embedding.settle(graphs, partial(publish, good, "png"))
    publish_many(embedding, node, publish_broken, 100)
    embedding.settle(graphs, partial(publish, good, "png"))
    assert graphs[-1].timing.failed_frames > 0 and all(map(adds_up, graphs))
    assert "Traceback" not in capfd.readouterr().err


def test_publishers_that_vanish_and_come_back_otherwise_are_followed(embedding):
    embedding.node()
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    for turn in range(6):
        camera, known = embedding.camera(["reliable", "best_effort"][turn % 2]), len(graphs)
        embedding.spin_until(lambda n=known: len(graphs) > n, lambda c=camera: shoot(c))
        embedding.peer.destroy_publisher(camera)
    assert all(map(adds_up, graphs))


def test_time_that_jumps_both_ways_gives_new_ids_and_no_silence(embedding):
    embedding.node()
    camera = embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 200)
    hour_ns, now_ns, seen = 3600 * 10**9, time.time_ns(), []

    def is_after(graph, jump):  # not of an image before it that was still in work
        return 0 <= time_to_ns(graph.header.stamp) - max(0, now_ns + jump) < hour_ns

    for jump in (0, -hour_ns, hour_ns, 0, -now_ns, 0):
        known = len(graphs)
        step = iter(range(10**6))
        embedding.spin_until(
            lambda n=known, j=jump: sum(is_after(g, j) for g in graphs[n:]) >= 3,
            lambda j=jump, s=step: shoot(camera, max(0, now_ns + j) + next(s) * 10**4),
        )
        new = [graph for graph in graphs[known:] if is_after(graph, jump)]
        seen.append({node.id for graph in new for node in graph.nodes})
    assert all(len(ids) == 1 for ids in seen)
    assert len(set.union(*seen)) == len(seen), "no id is given again after a jump"
    assert all(map(adds_up, graphs))


ABSURD = [
    ("max_megapixels", 0), ("max_megapixels", 10**9), ("max_rate", float("nan")),
    ("max_rate", float("inf")), ("deadline_ms", float("-inf")), ("region", [float("nan")] * 4),
    ("region", [0.0] * 400), ("classes", ["x" * 10_000]), ("pairs", ["-" * 1000]),
    ("pairs", [" - "]), ("track_gap_s", float("nan")), ("max_relations", -(2**63)),
    ("annotated_relations", 2**62), ("lazy", 1), ("score_threshold", float("nan")),
    ("cameras", ["a"]), ("model", "../" * 999),
]  # fmt: skip


def test_absurd_parameters_are_refused_one_by_one_with_a_reason(embedding):
    node = embedding.node()
    camera = embedding.camera()
    _, graphs = embedding.listen(SceneGraph, "/scene_graph")
    before = node._config
    for name, value in ABSURD:
        (result,) = node.set_parameters([Parameter(name, value=value)])
        assert not result.successful and result.reason, name
        assert node._config is before, name
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))


@pytest.mark.slow
def test_ten_thousand_images_as_fast_as_they_go_leave_memory_and_log_small(embedding, capfd):
    rng = random.Random(5)
    embedding.node()
    camera = embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    embedding.spin_until(lambda: len(graphs) > 20, lambda: shoot(camera))
    del graphs[:]
    before_mib = None
    for number in range(10_000):
        good = rgb_to_msg(IMAGE_RGB, Header(stamp=Time(sec=1000 + number // 200)))
        camera.publish(good if rng.random() < 0.8 else fuzzed(rng))
        embedding.executor.spin_once(timeout_sec=0.0)
        if number == 3000:
            before_mib = resident_mib()
        if len(graphs) > 1000:
            assert all(map(adds_up, graphs))
            del graphs[:-1]
    embedding.settle(graphs, partial(shoot, camera))
    assert adds_up(graphs[-1]) and graphs[-1].timing.received_frames >= 10_000
    assert resident_mib() - before_mib < 20
    assert len(capfd.readouterr().err.splitlines()) < 300
