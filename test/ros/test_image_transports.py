# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is read from a serialised message is what rclpy reads; what is none is counted as failed."""

import random

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from embedding import shoot
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from psg_ros.msg import SceneGraph
from psg_ros.ros import space_input
from psg_ros.ros.image_transports import COLOR_TRANSPORTS, DEPTH_TRANSPORTS

STAMPS = [(0, 0), (2**31 - 1, 2**32 - 1), (-(2**31), 1)]


def same(found, expected):
    """Whether all fields agree."""
    names = found._fields
    return all(
        bytes(found.data) == bytes(expected.data)
        if name == "data"
        else getattr(found, name) == getattr(expected, name)
        for name in names
    )


@pytest.mark.parametrize(("sec", "nanosec"), STAMPS)
@pytest.mark.parametrize("frame", ["", "a", "ab", "camera/\u00e9", "f" * 999])
def test_every_field_is_what_rclpy_reads(sec, nanosec, frame):
    rng = random.Random(frame)
    header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame)
    for kind, messages in (
        ("raw", [Image(header=header, encoding=e) for e in ("", "rgb8", "x" * 301)]),
        ("compressed", [CompressedImage(header=header, format=f) for f in ("", "png", "y" * 33)]),
    ):
        for message in messages:
            message.data = rng.randbytes(rng.randrange(50))
            if kind == "raw":
                message.height, message.width = rng.randrange(2**32), rng.randrange(2**32)
                message.step, message.is_bigendian = rng.randrange(2**32), rng.randrange(256)
            serialized = serialize_message(message)
            found = COLOR_TRANSPORTS[kind].read(serialized)
            assert same(found, deserialize_message(serialized, type(message)))


def test_depth_is_read_and_decoded():
    depth = np.array([[1.0, 2.5]], np.float32)
    message = Image(height=1, width=2, step=8, encoding="32FC1", data=depth.tobytes())
    transport = DEPTH_TRANSPORTS["raw"]
    assert (transport.decode(transport.read(serialize_message(message)), 1) == depth).all()


@pytest.mark.ros
def test_bytes_that_are_no_message_fail_one_by_one_and_are_counted(embedding, capfd):
    embedding.node()
    camera = embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))
    whole = serialize_message(Image(height=1, width=1, step=3, encoding="rgb8", data=[1, 2, 3]))
    broken = [b"", b"\0", whole[:20], whole[:-2], b"\0\x0b" + whole[2:], bytes(range(256))]
    for content in broken:
        camera.publish(content)
        embedding.spin_for(0.1, lambda: None)
    known = len(graphs)
    embedding.spin_until(lambda: len(graphs) > known, lambda: shoot(camera))
    log = capfd.readouterr().err
    timing = graphs[-1].timing
    assert timing.failed_frames == len(broken)
    parts = (graphs[-1].sequence, timing.dropped_frames, timing.failed_frames)
    assert timing.received_frames == sum(parts) + timing.skipped_frames
    assert "a serialised message must begin with one of 0000, 0001" in log
    assert "image skipped" in log and "Traceback" not in log


@pytest.mark.ros
def test_depth_that_is_no_message_is_told(embedding, capfd, monkeypatch):
    monkeypatch.setattr(space_input, "PATIENCE_S", 0.0)
    embedding.node()
    depth = embedding.camera("reliable", "/depth")
    embedding.listen(SceneGraph, "/scene_graph")
    log = []

    def said():
        log.append(capfd.readouterr().err)
        return "depth that cannot be read (1 times): /depth: a serialised message" in "".join(log)

    embedding.spin_until(said, lambda: depth.publish(b"\0\1"))
