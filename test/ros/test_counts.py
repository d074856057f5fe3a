# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What became of each image of the camera: in every graph the counters of its timing add up."""

import random
import time
from functools import partial

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


def settle(embedding, graphs, camera):
    """Publish images until two in a row are answered, and no gap between images is left to judge.

    Returns how many it took.
    """
    sent, last = embedding.settle(graphs, partial(shoot, camera)), 0
    while last != 1:
        last = embedding.settle(graphs, partial(shoot, camera))
        sent += last
    return sent


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_flood_every_image_is_in_exactly_one_counter(embedding, reliability, seed):
    """The camera sends faster than the executor takes, and the model is slower still."""
    rng = random.Random(seed)
    node = embedding.node()
    listener, graphs = embedding.listen(SceneGraph, "/scene_graph", 2 * FLOOD)
    camera = embedding.camera(reliability)
    bad = hurry(node, rng)
    settle(embedding, graphs, camera)
    before, sent = graphs[-1].timing, 0
    while sent < FLOOD:
        for _ in range(rng.choice([1, 1, 2, 5])):
            shoot(camera)
            sent += 1
        embedding.executor.spin_once(timeout_sec=0.002)

    # The last image must reach the counters: a later graph tells of it. On a busy machine all of a
    # flood that is sent as best effort may get lost, so images go on until one has failed, too.
    sent += settle(embedding, graphs, camera)
    while not graphs[-1].timing.failed_frames:
        sent += settle(embedding, graphs, camera)
    after = graphs[-1].timing
    assert all(adds_up(graph) for graph in graphs)
    assert [graph.sequence for graph in graphs] == list(range(1, len(graphs) + 1))
    assert after.failed_frames <= bad["bad"] and after.failed_frames > 0
    assert node._streams[0]._input._arrivals.counts.replaced > 0, (
        "no image was replaced in the queue"
    )
    seen = after.received_frames + after.lost_frames
    assert seen - (before.received_frames + before.lost_frames) == sent
