# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What users may write after `ros2 launch psg_ros dsflash.launch.py`."""

import os

import pytest

from psg_ros.node_config import node_parameters
from psg_ros.ros import start
from psg_ros.ros.launch_arguments import (
    check_names,
    launch_arguments,
    launch_parameters,
    read_values,
)

FILE = "/opt/share/psg_ros/launch/dsflash.launch.py"
STARTED = ["/opt/bin/ros2", "launch", "psg_ros", "dsflash.launch.py"]


def read(**given):
    return read_values({a.name: a.default for a in launch_arguments()} | given)


def test_every_argument_is_described_and_its_default_is_accepted():
    names = [argument.name for argument in launch_arguments()]
    wanted = {"image", "model", "backend", "device", "params_file"}
    wanted |= {"name", "namespace", "autostart"}
    assert wanted | {"use_sim_time", "log_level", "annotated_image"} <= set(names)
    assert len(set(names)) == len(names)
    for argument in launch_arguments():
        assert argument.text and all(choice in argument.description for choice in argument.choices)
        assert read()[argument.name] == argument.default


def test_choices_are_those_of_the_parameters():
    table = {parameter.name: parameter for parameter in node_parameters()}
    for argument in launch_arguments():
        if argument.name in table:
            parameter = table[argument.name]
            is_flag = parameter.kind is bool
            assert argument.choices == (("true", "false") if is_flag else parameter.choices)


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", "yes", "on", "Y", " true"])
def test_whatever_ros_users_write_for_true_is_true(text):
    given = read(autostart=text, annotated_image=text, use_sim_time=text)
    parameters = launch_parameters(given)
    assert parameters == {"autostart": True, "annotated_image": True, "use_sim_time": True}


@pytest.mark.parametrize("text", ["false", "False", "FALSE", "0", "no", "off", "N"])
def test_whatever_ros_users_write_for_false_is_false(text):
    given = read(autostart=text, use_sim_time=text)
    assert launch_parameters(given) == {"autostart": False, "use_sim_time": False}


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("log_level", "INFO", "info"),
        ("log_level", "Debug", "debug"),
        ("log_level", "WARNING", "warn"),
        ("log_level", "rcl:=DEBUG", "rcl:=debug"),
        ("image_transport", "Raw", "raw"),
        ("image_transport", "COMPRESSED", "compressed"),
        ("image_reliability", "RELIABLE", "reliable"),
        ("backend", "OpenVINO", "openvino"),
        ("camera", "Front Left", "Front Left"),
        ("name", "Eyes_2", "Eyes_2"),
        ("namespace", "/robot1/front/", "/robot1/front/"),
        ("namespace", "", ""),
        ("name", "", start.NODE_NAME),
        ("params_file", "", str(start.params_path())),
    ],
)
def test_spellings_are_understood(name, text, meant):
    assert read(**{name: text})[name] == meant


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("autostart", "maybe", "must be one of true, false"),
        ("log_level", "loud", "must be one of debug, info"),
        ("log_level", "rcl:=loud", "must be one of debug, info"),
        ("backend", "cuda", "must be one of auto, tensorrt, openvino, onnxruntime"),
        ("name", "front-cam", "a name of letters, digits and _"),
        ("name", "2eyes", "a name of letters, digits and _"),
        ("namespace", "robot 1", "with / between them"),
        ("namespace", "a" * 5000 + "!", "with / between them"),
    ],
)
def test_other_values_are_refused_with_what_is_expected(name, text, words):
    with pytest.raises(ValueError, match="launch argument") as refusal:
        read(**{name: text})
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_home_folder_is_found_though_the_shell_does_not_look(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("/**: {ros__parameters: {model: demo}}")
    given = read(params_file="~/mine.yaml", model="~/model")
    assert given["params_file"] == str(tmp_path / "mine.yaml")
    assert launch_parameters(given) == {"model": str(tmp_path / "model")}


def test_a_parameter_file_that_is_none_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.yaml"):
        with pytest.raises(ValueError, match=f"parameter file {path}"):
            read(params_file=str(path))


@pytest.mark.parametrize(
    ("word", "hint"), [("modle:=x", "model"), ("log-level:=x", "log_level"), ("nmae:=x", "name")]
)
def test_an_unknown_argument_is_refused_with_the_nearest_name(word, hint):
    with pytest.raises(ValueError, match=f"unknown launch argument .*did you mean {hint}"):
        check_names(["image:=/camera", word], [*STARTED, "image:=/camera", word], FILE)


def test_an_argument_like_no_other_is_refused_with_all_names():
    with pytest.raises(ValueError, match="'zzz' .known are image, depth, camera_info, rviz, name"):
        check_names(["zzz:=1"], STARTED, FILE)


def test_known_arguments_are_accepted_in_any_number():
    check_names([f"{argument.name}:=x" for argument in launch_arguments()] * 2, STARTED, FILE)


def test_a_path_to_the_file_starts_it_too(tmp_path, monkeypatch):
    file = tmp_path / "dsflash.launch.py"
    file.touch()
    os.symlink(file, tmp_path / "linked.py")
    monkeypatch.chdir(tmp_path)
    for word in (str(file), "dsflash.launch.py", "./linked.py"):
        for options in ([], ["--debug"], ["--launch-prefix", "gdb"]):
            line = ["ros2", "launch", *options, word, "modle:=x"]
            with pytest.raises(ValueError, match="modle"):
                check_names(["modle:=x"], line, str(file))


@pytest.mark.parametrize(
    "words",
    [
        ["robot", "all.launch.py"],
        ["robot", "dsflash.launch.py"],
        ["/home/me/all.launch.py"],
        [],
    ],
)
def test_what_another_file_was_given_is_its_own_business(words):
    line = ["ros2", "launch", *words, "robot:=2", "modle:=x"]
    check_names(["robot:=2", "modle:=x"], line, FILE)
