# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of the node."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from psg_ros.ros import start


def test_the_command_runs_the_module_with_file_parameters_and_remaps():
    command = start.node_command(
        image_topic="/camera/image_raw",
        namespace="robot1",
        params_file=Path("my.yaml"),
        parameters={"model": "demo", "track": False, "relation_threshold": 0.5, "camera": ""},
        remaps={"scene_graph": "graph"},
        use_sim_time=True,
        log_level="debug",
    )
    assert command[:4] == [sys.executable, "-m", start.NODE_MODULE, "--ros-args"]
    text = " ".join(command[4:])
    assert text.startswith("--params-file my.yaml --log-level debug ")
    assert '-p model:="demo" -p track:=false -p relation_threshold:=0.5 -p camera:=""' in text
    assert "-p use_sim_time:=true" in text
    assert text.endswith("-r image:=/camera/image_raw -r scene_graph:=graph -r __ns:=/robot1")


def test_without_arguments_the_packages_parameter_file_is_used_and_nothing_is_remapped():
    command = start.node_command()
    assert command[4:] == ["--params-file", str(start.params_path()), "--log-level", "info"]
    assert start.params_path().is_file()


def test_a_misspelled_parameter_is_refused_before_anything_starts():
    with pytest.raises(ValueError, match="'modle' .*'model'"):
        start.node_command(parameters={"modle": "demo"})


def test_the_module_that_is_started_has_a_main():
    pytest.importorskip("rclpy")
    assert callable(importlib.import_module(start.NODE_MODULE).main)


def test_starting_needs_no_rclpy():
    code = (
        "import sys; import psg_ros.ros.start, psg_ros.ros.process; "
        "sys.exit(any(name.split('.')[0] == 'rclpy' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("image_topic", "cameras", "remaps"),
    [
        ("image", [], []),
        ("/cam/image_raw", [], [("image", "/cam/image_raw")]),
        ("image", ["front"], []),
        ("image_raw", ["front"], [("front/image", "front/image_raw")]),
        ("/r/CAMERA/rgb", ["a", "b"], [("a/image", "/r/a/rgb"), ("b/image", "/r/b/rgb")]),
        ("CAMERA_image", ["a"], [("a/image", "a_image")]),
    ],
)  # fmt: skip
def test_each_camera_is_connected_to_its_topic(image_topic, cameras, remaps):
    assert start.topic_remaps(image_topic, cameras=cameras) == remaps


def test_the_command_starts_several_cameras():
    command = start.node_command(
        image_topic="/CAMERA/image_raw", parameters={"cameras": ["front", "rear"]}
    )
    assert 'cameras:=["front", "rear"]' in command
    assert "front/image:=/front/image_raw" in command and "rear/image:=/rear/image_raw" in command
