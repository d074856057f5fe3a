# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A backend that the package does not know drives the node, its device chosen by a parameter."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.ros


def test_a_toy_backend_turns_camera_images_into_graphs(session, tiny_model):
    pytest.importorskip("onnx", reason="its reference evaluator is the toy's engine")
    listener = session.script("listener", "listener_process.py", "graph")
    parameters = {"backend": "toy", "device": "toy:1", "precision": "fp32", "score_threshold": 0.0}
    node = session.node(model=str(tiny_model), entry="toy_node.py", **parameters)
    node.wait_for_log("model tiny on toy (toy:1, fp32)")
    node.wait_for_log("listening to")
    session.script("camera", "camera_process.py", "--size", 96, 64, "--rate", 4)
    graph = listener.wait(lambda p: p.of("graph"), timeout_s=120)[-1]
    assert graph["size"] == [96, 64] and graph["nodes"]
