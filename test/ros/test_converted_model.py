# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A converted public checkpoint drives the node, started as the launch file starts it."""

from __future__ import annotations

import pytest

from psg_ros.__main__ import main
from psg_ros.ros.launch_arguments import launch_arguments, launch_parameters

pytestmark = [pytest.mark.ros, pytest.mark.slow]

EVERYTHING = {"score_threshold": 0.0, "overlap_threshold": 0.0, "relation_threshold": 0.0}
"""Random weights are sure of nothing: keep every query, so that there are nodes."""


@pytest.mark.filterwarnings("ignore")
def test_eomt_s_at_640_turns_camera_images_into_graphs(session, tmp_path):
    pytest.importorskip("torch")
    from eomt_checkpoints import save_published_s

    source, model = save_published_s(tmp_path / "source"), tmp_path / "eomt_s"
    assert main(["convert", str(source), str(tmp_path / "run"), "--export", str(model)]) == 0
    given = {argument.name: argument.default for argument in launch_arguments()}
    parameters = launch_parameters(given | {"model": str(model)})
    assert parameters["model"] == str(model)

    listener = session.script("listener", "listener_process.py", "graph", "vocabulary")
    node = session.node(
        **{**parameters, **EVERYTHING, "max_segments": 6, "relation_source": "model"}
    )
    node.wait_for_log("listening to", timeout_s=120)
    session.script("camera", "camera_process.py", "--size", 640, 480, "--rate", 2)
    graph = listener.wait(lambda p: p.of("graph"), timeout_s=120)[-1]
    assert graph["size"] == [640, 480]
    assert graph["nodes"] and graph["inference_ms"] > 0
    assert graph["relations"] == [], "no relation stage comes with a public segmenter"
    assert listener.of("vocabulary")[-1]["model"] == "eomt_s"
