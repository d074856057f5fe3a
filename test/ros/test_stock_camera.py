# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera as others start theirs: a process with nothing of ours in its environment."""

import pytest

from psg_ros.ros.transport import images_profile_path

pytestmark = [pytest.mark.ros, pytest.mark.slow]

COUNT = 30
BIG = ("--size", 640, 480, "--rate", 5, "--count", COUNT)
"""Larger than what Fast DDS shares by default."""


def test_each_image_of_a_reliable_stock_camera_becomes_a_graph(session, tiny_model):
    listener = session.script("listener", "listener_process.py", "graph")
    session.node(tiny_model).wait_for_log("listening to")
    session.stock_camera(*BIG, "--reliability", "reliable")
    # A busy machine may hold up single images; nearly all used to be lost.
    graphs = listener.wait(lambda p: len(p.of("graph")) >= COUNT - 3 and p.of("graph"))
    last = graphs[-1]
    assert last["received_frames"] == last["sequence"] + last["dropped"]
    assert last["lost"] <= 3


def test_the_losses_of_a_best_effort_stock_camera_are_named_once_with_the_cure(session, tiny_model):
    session.script("listener", "listener_process.py", "graph")
    node = session.node(tiny_model, silence_s=0.0)
    node.wait_for_log("listening to")
    # On a busy machine the node may hear too few of the first camera's images to say anything.
    for _ in range(3):
        camera = session.stock_camera(*BIG, "--reliability", "best_effort")
        camera.wait(lambda p: len(p.of("image")) == COUNT)
        if "got lost on the way" in node.log.read_text():
            break
    text = node.wait_for_log("got lost on the way")
    assert "Let the camera publish reliably" in text
    assert f"DEFAULT_PROFILES_FILE={images_profile_path()}" in text
    assert node.log.read_text().count("got lost on the way") == 1


def test_a_best_effort_subscription_to_a_reliable_camera_is_told_to_match(session, tiny_model):
    session.script("listener", "listener_process.py", "graph")
    node = session.node(tiny_model, image_reliability="best_effort")
    node.wait_for_log("listening to")
    session.stock_camera(*BIG, "--reliability", "reliable")
    assert "image_reliability:=match" in node.wait_for_log("got lost on the way")
