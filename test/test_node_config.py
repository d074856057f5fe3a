# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of node parameters: complete, described, and spelled once."""

import dataclasses

import pytest
import yaml

from psg_ros.config import PipelineConfig
from psg_ros.node_config import (
    NodeConfig,
    canonical_values,
    check_parameter_names,
    node_parameters,
    parse_direction,
)
from psg_ros.resources import share_path

ROS_TYPES = (bool, int, float, str, tuple)


def test_every_setting_of_the_pipeline_is_a_parameter_with_the_same_default():
    table = {p.name: p.default for p in node_parameters()}
    for field in dataclasses.fields(PipelineConfig):
        assert table[field.name] == field.default


def test_every_parameter_has_a_text_a_ros_type_and_a_default_of_that_type():
    for parameter in node_parameters():
        assert parameter.text, parameter.name
        assert parameter.kind in ROS_TYPES, parameter.name
        assert type(parameter.default) is parameter.kind, parameter.name


def test_a_value_out_of_range_is_refused_with_the_range():
    with pytest.raises(ValueError, match=r"annotated_relations must lie in 0 \.\. 1000, not -1"):
        NodeConfig(annotated_relations=-1)
    with pytest.raises(ValueError, match="image_reliability must be one of match"):
        NodeConfig(image_reliability="sometimes")


@pytest.mark.parametrize("value", ["up", "0 0 0", "0 nan 1", "0 1", "0 0 0 1"])
def test_an_upward_direction_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="camera_up must be three numbers, not all 0, such as"):
        NodeConfig(camera_up=value)
    assert parse_direction("0, -1 0") == (0, -1, 0) and parse_direction(" ") is None


def test_a_misspelled_parameter_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="'relation_treshold' .*'relation_threshold'"):
        check_parameter_names(["model", "relation_treshold"])
    check_parameter_names(["model", "camera"])


def test_node_yaml_names_known_parameters_with_accepted_values():
    content = yaml.safe_load((share_path() / "config" / "node.yaml").read_text())
    assert list(content) == ["/**"]
    values = content["/**"]["ros__parameters"]
    assert values
    NodeConfig(**canonical_values(values))
    kinds = {p.name: p.kind for p in node_parameters()}
    for name, value in values.items():
        assert type(value) is (list if kinds[name] is tuple else kinds[name]), name


def test_node_yaml_changes_no_default():
    content = yaml.safe_load((share_path() / "config" / "node.yaml").read_text())
    assert NodeConfig(**canonical_values(content["/**"]["ros__parameters"])) == NodeConfig()


def test_lists_are_tuples_without_the_empty_text_that_stands_for_none():
    values = canonical_values({"cameras": [""], "classes": ["cup", ""], "region": [0.0, 0, 1, 1]})
    assert values == {"cameras": (), "classes": ("cup",), "region": (0.0, 0, 1, 1)}


def test_each_of_several_cameras_has_the_configuration_with_its_name():
    config = NodeConfig(cameras=("front", "rear"), max_relations=7)
    each = config.of_each_camera()
    assert [(name, c.camera, c.cameras, c.max_relations) for name, c in each.items()] == [
        ("front", "front", (), 7),
        ("rear", "rear", (), 7),
    ]
    alone = NodeConfig(camera="top")
    assert alone.of_each_camera() == {"": alone}
