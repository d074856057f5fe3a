# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file in a real ROS 2: a camera, the node, and a graph. Not for Python wheels."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

NEEDS = "needs an installed ROS 2: launch_pytest and launch_testing_ros"
launch_pytest = pytest.importorskip("launch_pytest", reason=NEEDS)
launch_testing_ros = pytest.importorskip("launch_testing_ros", reason=NEEDS)

from launch import LaunchDescription  # type: ignore[attr-defined] # noqa: E402
from launch.actions import ExecuteProcess, IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_pytest.actions import ReadyToTest  # noqa: E402

from psg_ros.msg import SceneGraph  # noqa: E402
from psg_ros.resources import share_path  # noqa: E402

CAMERA = Path(__file__).parents[1] / "ros" / "camera_process.py"
IMAGE_TOPIC = "/launch_test/image"


@launch_pytest.fixture
def camera_and_node() -> object:
    launch_file = share_path() / "launch" / "dsflash.launch.py"
    arguments = {"image": IMAGE_TOPIC, "model": "demo"}
    return LaunchDescription(
        [
            ExecuteProcess(cmd=[sys.executable, str(CAMERA), "--topic", IMAGE_TOPIC]),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(launch_file)),
                launch_arguments=arguments.items(),
            ),
            ReadyToTest(),
        ]
    )


@pytest.mark.launch(fixture=camera_and_node)
def test_the_launched_node_publishes_graphs() -> None:
    wanted = [("scene_graph", SceneGraph)]
    with launch_testing_ros.WaitForTopics(wanted, timeout=60.0) as waiting:
        assert waiting.topics_received() == {"scene_graph"}
