# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file, with stand-ins that record what it makes where `launch` is not installed."""

import runpy
import sys
from types import ModuleType

import pytest
import yaml

from psg_ros.node_config import NodeConfig
from psg_ros.resources import share_path
from psg_ros.ros import launch_arguments, start, transport

LAUNCH_FILE = share_path() / "launch" / "dsflash.launch.py"


class Recorded:
    """Any class of launch: keeps what it was made with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


class Context:
    """What an OpaqueFunction is called with: launch configurations, and the words of the user."""

    def __init__(self, launch_configurations, argv):
        self.launch_configurations, self.argv = launch_configurations, argv


@pytest.fixture
def launch_file(monkeypatch):
    """Names defined by the launch file, with recorded stand-ins for the launch packages."""
    names = {
        "launch": ["LaunchDescription"],
        "launch.actions": ["DeclareLaunchArgument", "OpaqueFunction"],
        "launch_ros": [],
        "launch_ros.actions": ["Node"],
    }
    for module_name, class_names in names.items():
        module = ModuleType(module_name)
        for name in class_names:
            setattr(module, name, type(name, (Recorded,), {}))
        monkeypatch.setitem(sys.modules, module_name, module)
    return runpy.run_path(str(LAUNCH_FILE))


@pytest.fixture
def make_nodes(launch_file):
    """Return the Node actions for some given arguments, the others at their defaults."""

    def make(unknown=(), **given):
        *declared, function = launch_file["generate_launch_description"]().args[0]
        values = {d.args[0]: d.kwargs["default_value"] for d in declared}
        assert set(given) <= set(values)
        words = [f"{name}:={value}" for name, value in given.items()]
        nodes = function.kwargs["function"](Context(values | given, [*words, *unknown]))
        return [node.kwargs for node in nodes]

    return make


@pytest.fixture
def make_node(make_nodes):
    """Return the only Node action for some given arguments."""

    def make(**given):
        (node,) = make_nodes(**given)
        return node

    return make


def test_every_argument_is_declared_with_its_description(launch_file):
    *declared, _ = launch_file["generate_launch_description"]().args[0]
    for argument, told in zip(launch_arguments.launch_arguments(), declared, strict=True):
        assert told.args == (argument.name,)
        # No choices: launch itself would refuse True and INFO.
        expected = {"default_value": argument.default, "description": argument.description}
        assert told.kwargs == expected


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
        name="eyes",
        annotated_image="False",
        autostart="1",
        use_sim_time="TRUE",
        log_level="DEBUG",
    )
    parameters = node["parameters"][1]
    expected = {"model": "dsflash_s", "annotated_image": False, "autostart": True}
    assert parameters == expected | {"use_sim_time": True}
    NodeConfig(**{k: v for k, v in parameters.items() if k != "use_sim_time"})
    assert node["remappings"] == [("image", "/camera/image_raw")]
    assert (node["name"], node["namespace"]) == ("eyes", "robot1")
    assert node["arguments"] == ["--ros-args", "--log-level", "debug"]


def test_depth_takes_the_camera_info_beside_the_image(make_node):
    image, depth = "/camera/color/image_raw", "/camera/aligned_depth_to_color/image_raw"
    node = make_node(image=image, depth=depth, spatial_frame_id="base_link")
    beside = ("camera_info", "/camera/color/camera_info")
    assert node["remappings"] == [("image", image), ("depth", depth), beside]
    assert node["parameters"][1] == {"spatial_frame_id": "base_link"}
    node = make_node(image=image, depth=depth, camera_info="/intrinsics")
    assert ("camera_info", "/intrinsics") in node["remappings"]
    assert make_node(depth="/depth_image")["remappings"] == [("depth", "/depth_image")]


def test_rviz_opens_on_this_node_where_it_is_wanted(make_nodes):
    node, rviz = make_nodes(
        rviz="True", image="/camera/image", name="eyes", namespace="front", spatial_frame_id="odom"
    )
    assert (rviz["package"], rviz["executable"]) == ("rviz2", "rviz2")
    assert rviz["namespace"] == node["namespace"] == "front"
    assert rviz["arguments"] == ["-d", str(start.rviz_path()), "-f", "odom"]
    assert ("image", "/camera/image") in rviz["remappings"]
    assert ("scene_graph_node/markers", "eyes/markers") in rviz["remappings"]
    _, rviz = make_nodes(rviz="1")
    assert rviz["arguments"] == ["-d", str(start.rviz_path())] and rviz["remappings"] == []


def test_rviz_shows_the_first_of_several_cameras(make_nodes):
    _, rviz = make_nodes(rviz="true", cameras="front,rear", image="/CAMERA/image_raw", name="eyes")
    assert rviz["remappings"] == [
        ("image", "/front/image_raw"),
        ("scene_graph_node/annotated_image", "front/eyes/annotated_image"),
        ("scene_graph_node/segmentation", "front/eyes/segmentation"),
        ("scene_graph_node/markers", "front/eyes/markers"),
    ]
    _, rviz = make_nodes(rviz="true", cameras="front,rear")
    assert rviz["remappings"][0] == ("image", "front/image")


def test_launch_and_plain_start_agree(make_node):
    node = make_node(image="/camera/image_raw", model="demo", namespace="robot1")
    command = start.node_command(
        image_topic="/camera/image_raw", parameters={"model": "demo"}, namespace="robot1"
    )
    (source, target), *_ = node["remappings"]
    assert f"{source}:={target}" in command
    assert node["parameters"][0] == command[command.index("--params-file") + 1]
    assert 'model:="demo"' in command and node["parameters"][1] == {"model": "demo"}


def test_an_unknown_argument_stops_the_start(make_node, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ros2", "launch", str(LAUNCH_FILE), "modle:=demo"])
    with pytest.raises(ValueError, match=r"^unknown launch argument 'modle' \(did you mean model"):
        make_node(unknown=["modle:=demo"])


def test_what_a_file_that_includes_it_was_given_is_not_refused(make_node, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ros2", "launch", "robot", "all.launch.py", "modle:=demo"])
    assert make_node(unknown=["modle:=demo"])["name"] == start.NODE_NAME


def test_a_parameter_file_that_is_none_stops_the_start(make_node, tmp_path):
    with pytest.raises(ValueError, match=r"^parameter file .*nowhere.yaml: no such file$"):
        make_node(params_file=str(tmp_path / "nowhere.yaml"))


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
    layout = yaml.safe_load(start.rviz_path().read_text())["Visualization Manager"]
    shown = {d["Topic"]["Value"] for d in layout["Displays"] if "Topic" in d}
    ours = (start.ANNOTATED_TOPIC, start.SEGMENTATION_TOPIC, start.MARKERS_TOPIC)
    assert shown == {start.IMAGE_TOPIC, *(t.replace("~", start.NODE_NAME) for t in ours)}


def test_rviz_opens_on_the_markers_of_every_kind():
    layout = yaml.safe_load(start.rviz_path().read_text())["Visualization Manager"]
    (display,) = (d for d in layout["Displays"] if d["Class"].endswith("MarkerArray"))
    assert display["Enabled"]
    assert display["Topic"]["Reliability Policy"] == "Reliable"
    kinds = {"things", "stuff", "names", "relations", "predicates"}
    assert display["Namespaces"] == dict.fromkeys(kinds, True)
    assert layout["Global Options"]["Fixed Frame"] == "camera_optical_frame"


def test_several_cameras_become_a_list_and_a_remap_each(make_node):
    node = make_node(cameras="front, rear", image="/CAMERA/image_raw")
    assert node["parameters"][1] == {"cameras": ["front", "rear"]}
    assert node["remappings"] == [
        ("front/image", "/front/image_raw"),
        ("rear/image", "/rear/image_raw"),
    ]
    assert make_node(cameras="front,rear")["remappings"] == []
    with_depth = make_node(cameras="a", image="/CAMERA/rgb/image", depth="/CAMERA/depth/image")
    assert with_depth["remappings"] == [
        ("a/image", "/a/rgb/image"),
        ("a/depth", "/a/depth/image"),
        ("a/camera_info", "/a/rgb/camera_info"),
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cameras": "fr ont"}, "cameras must be names of letters"),
        ({"cameras": "a,a"}, "a is there twice"),
        ({"cameras": "a,b", "image": "/camera/image_raw"}, "write CAMERA where it has the name"),
    ],
)
def test_cameras_that_cannot_be_told_apart_stop_the_start(make_node, given, words):
    with pytest.raises(ValueError, match=words):
        make_node(**given)
