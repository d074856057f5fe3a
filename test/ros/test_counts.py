# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What became of each image of the camera: in every graph the counters of its timing add up."""

import random
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from embedding import shoot

from psg_ros.msg import SceneGraph

pytestmark = pytest.mark.ros

FLOOD = 300


def adds_up(graph):
    """Whether every received image is in exactly one counter."""
    timing = graph.timing
    parts = (graph.sequence, timing.dropped_frames, timing.failed_frames, timing.skipped_frames)
    return timing.received_frames == sum(parts)


def hurry(node, rng):
    """Let the model take now no time, now longer than several images; every fifth image fails."""
    processor, calls = node._streams[0].processor, {"all": 0, "bad": 0}
    decode = processor._decode

    def decode_now_and_then(message, max_megapixels):
        time.sleep(rng.choice([0.0, 0.0, 0.01]))
        calls["all"] += 1
        if calls["all"] % 5 == 0:
            calls["bad"] += 1
            raise ValueError("damaged on purpose")
        return decode(message, max_megapixels)

    processor._decode = decode_now_and_then
    return calls


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_flood_every_image_is_in_exactly_one_counter(embedding, reliability, seed):
    """The camera sends faster than the executor takes, and the model is slower still."""
    rng = random.Random(seed)
    node = embedding.node()
    listener, graphs = embedding.listen(SceneGraph, "/scene_graph", 2 * FLOOD)
    camera = embedding.camera(reliability)
    bad = hurry(node, rng)
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))
    embedding.spin_for(0.5, lambda: None)
    # An image that failed since the last graph is in no timing yet; the next graph's has it.
    known = len(graphs)
    while len(graphs) == known:
        shoot(camera)
        embedding.spin_for(0.5, lambda: None)
    before, sent, quiet = graphs[-1].timing, 0, len(graphs)
    while sent < FLOOD:
        for _ in range(rng.choice([1, 1, 2, 5])):
            shoot(camera)
            sent += 1
        embedding.executor.spin_once(timeout_sec=0.002)

    def one_more():
        nonlocal sent
        shoot(camera)
        sent += 1
        embedding.spin_for(0.1, lambda: None)

    # The last image must reach the counters: a later graph tells of it. On a busy machine all of a
    # flood that is sent as best effort may get lost, so images go on.
    embedding.spin_until(lambda: len(graphs) > quiet, one_more)
    embedding.spin_for(0.5, lambda: None)
    known = len(graphs)
    embedding.spin_until(lambda: len(graphs) > known, one_more)
    after = graphs[-1].timing
    assert all(adds_up(graph) for graph in graphs)
    assert [graph.sequence for graph in graphs] == list(range(1, len(graphs) + 1))
    assert after.failed_frames <= bad["bad"] and after.failed_frames > 0
    assert node._streams[0]._input._arrivals.counts.replaced > 0, (
        "no image was replaced in the queue"
    )
    # What was missed just before the last image is judged with the one after it; nothing was.
    seen = after.received_frames + after.lost_frames
    assert seen - (before.received_frames + before.lost_frames) == sent
