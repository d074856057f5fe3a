# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg view of a live topic: a node, a camera and the viewer, three processes over DDS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rerun", reason="needs the extra 'view'")

pytestmark = pytest.mark.ros

NUM_FRAMES = 60


def viewer(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "psg_ros", "view", *map(str, arguments)]


def test_graphs_masks_and_images_of_a_node_reach_the_viewer(session, tiny_model, tmp_path: Path):
    from rerun.chunk import RrdReader

    session.node(tiny_model)
    session.script("camera", "camera_process.py", "--rate", 10, "--size", 160, 120)
    out = tmp_path / "live.rrd"
    # 6 s: where the camera's first announcements are lost, Fast DDS repeats them after 3 s.
    command = viewer("topic:/scene_graph", "--image", "/camera/image", "--frames", NUM_FRAMES)
    done = subprocess.run(
        [*command, "--save", str(out)],
        env=session.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    chunks = RrdReader(out).stream().to_chunks()
    seen = {chunk.entity_path for chunk in chunks if not chunk.is_static}
    assert seen >= {"/camera/image", "/camera/masks", "/camera/boxes", "/graph", "/relations"}
    masks = [c.num_rows for c in chunks if c.entity_path == "/camera/masks"]
    assert sum(masks) == NUM_FRAMES


def test_a_topic_without_graphs_is_said(session, tmp_path: Path):
    command = viewer("topic:/nothing", "--save", tmp_path / "live.rrd")
    process = subprocess.Popen(command, env=session.environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = process.stderr.readline()
        assert "nothing on /nothing for 5 s; nobody publishes graphs" in line
    finally:
        process.send_signal(2)
        assert process.wait(timeout=20) == 130
    assert not list(tmp_path.glob("*.rrd"))
