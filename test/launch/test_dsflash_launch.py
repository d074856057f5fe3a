# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file, with stand-ins that record what it makes where `launch` is not installed."""

import runpy
import sys
from types import ModuleType

import pytest
import yaml

from psg_ros.node_config import NodeConfig, node_parameters
from psg_ros.resources import share_path
from psg_ros.ros import start, transport

LAUNCH_FILE = share_path() / "launch" / "dsflash.launch.py"


class Recorded:
    """Any class of launch: keeps what it was made with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


class LaunchConfiguration(Recorded):
    """Looks its value up among what the test calls the command line."""

    def perform(self, context):
        return context[self.args[0]]


@pytest.fixture
def launch_file(monkeypatch):
    """Names defined by the launch file, with recorded stand-ins for the launch packages."""
    names = {
        "launch": ["LaunchDescription"],
        "launch.actions": ["DeclareLaunchArgument", "OpaqueFunction"],
        "launch.substitutions": ["LaunchConfiguration"],
        "launch_ros": [],
        "launch_ros.actions": ["Node"],
    }
    for module_name, class_names in names.items():
        module = ModuleType(module_name)
        for name in class_names:
            recorded = LaunchConfiguration if name == "LaunchConfiguration" else Recorded
            setattr(module, name, type(name, (recorded,), {}))
        monkeypatch.setitem(sys.modules, module_name, module)
    return runpy.run_path(str(LAUNCH_FILE))


@pytest.fixture
def make_node(launch_file):
    """Return the Node action for some given arguments, the others at their defaults."""

    def make(**given):
        *declared, function = launch_file["generate_launch_description"]().args[0]
        context = {d.args[0]: d.kwargs["default_value"] for d in declared}
        assert set(given) <= set(context)
        (node,) = function.kwargs["function"](context | given)
        return node.kwargs

    return make


def test_every_argument_is_described_and_its_default_is_among_its_choices(launch_file):
    *declared, _ = launch_file["generate_launch_description"]().args[0]
    names = [argument.args[0] for argument in declared]
    wanted = {"image", "model", "backend", "params_file", "namespace", "autostart", "use_sim_time"}
    assert wanted | {"log_level", "annotated_image", "image_transport"} <= set(names)
    assert len(set(names)) == len(names)
    for argument in declared:
        assert argument.kwargs["description"]
        choices = argument.kwargs.get("choices")
        assert not choices or argument.kwargs["default_value"] in choices


def test_choices_are_those_of_the_parameters(launch_file):
    *declared, _ = launch_file["generate_launch_description"]().args[0]
    choices = {d.args[0]: d.kwargs.get("choices", [""])[1:] for d in declared}
    for parameter in node_parameters():
        if parameter.name in choices and parameter.kind is not bool:
            assert tuple(choices[parameter.name]) == parameter.choices


def test_without_arguments_the_parameter_file_decides_everything(make_node):
    node = make_node()
    assert (node["package"], node["executable"]) == ("psg_ros", start.EXECUTABLE)
    assert (node["name"], node["namespace"]) == (start.NODE_NAME, "")
    assert node["parameters"] == [str(start.params_path())]
    assert node["remappings"] == []


def test_arguments_become_parameters_of_the_right_type_and_remaps(make_node):
    node = make_node(
        image="/camera/image_raw",
        namespace="robot1",
        model="dsflash_s",
        annotated_image="false",
        autostart="true",
        use_sim_time="true",
        log_level="debug",
    )
    parameters = node["parameters"][1]
    expected = {"model": "dsflash_s", "annotated_image": False, "autostart": True}
    assert parameters == expected | {"use_sim_time": True}
    NodeConfig(**{k: v for k, v in parameters.items() if k != "use_sim_time"})
    assert node["remappings"] == [("image", "/camera/image_raw")]
    assert node["namespace"] == "robot1"
    assert node["arguments"] == ["--ros-args", "--log-level", "debug"]


def test_launch_and_plain_start_agree(make_node):
    node = make_node(image="/camera/image_raw", model="demo", namespace="robot1")
    command = start.node_command(
        image_topic="/camera/image_raw", parameters={"model": "demo"}, namespace="robot1"
    )
    (source, target), *_ = node["remappings"]
    assert f"{source}:={target}" in command
    assert node["parameters"][0] == command[command.index("--params-file") + 1]
    assert 'model:="demo"' in command and node["parameters"][1] == {"model": "demo"}


def test_the_environment_makes_room_for_images_but_respects_the_users(make_node, monkeypatch):
    for name in (*transport.PROFILE_VARIABLES, transport.TRANSPORTS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    added = make_node()["additional_env"]
    assert str(transport.fitting_profile_path()) in added.values()
    monkeypatch.setenv(transport.TRANSPORTS_VARIABLE, "LARGE_DATA")
    assert not set(make_node()["additional_env"]) & set(transport.PROFILE_VARIABLES)


def test_the_executable_of_the_launch_file_exists():
    assert (share_path() / "scripts" / start.EXECUTABLE).is_file() or (
        share_path().parents[1] / "lib" / "psg_ros" / start.EXECUTABLE
    ).is_file()


def test_the_real_launch_packages_accept_it():
    launch = pytest.importorskip("launch")
    pytest.importorskip("launch_ros")
    description = runpy.run_path(str(LAUNCH_FILE))["generate_launch_description"]()
    assert isinstance(description, launch.LaunchDescription)


def test_rviz_shows_topics_that_the_node_has():
    text = start.rviz_path().read_text()
    assert len(yaml.safe_load(text)["Visualization Manager"]["Displays"]) == 3
    for topic in (start.ANNOTATED_TOPIC, start.SEGMENTATION_TOPIC):
        assert f"Value: {topic.replace('~', start.NODE_NAME)}\n" in text
    assert f"Value: {start.IMAGE_TOPIC}\n" in text
