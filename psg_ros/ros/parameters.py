# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS parameters derived from NodeConfig: declared, read and changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from psg_ros.config import MODEL_THRESHOLD, range_text
from psg_ros.node_config import (
    NodeConfig,
    NodeParameter,
    check_parameter_names,
    node_parameters,
)

ROS_OWN = ("use_sim_time", "start_type_description_service")
ROS_OWN_PREFIXES = tuple(
    f"qos_overrides./{topic}." for topic in ("clock", "parameter_events", "rosout")
)


def declare(node: Node, names: Sequence[str] = ()) -> None:
    """Declare the named parameters, or all of them, where they are not declared yet.

    Raises:
        ValueError: a given value of the wrong type or outside its range; says what is expected.
    """
    for parameter in node_parameters():
        wanted = not names or parameter.name in names
        if wanted and not node.has_parameter(parameter.name):
            _declare_one(node, parameter)


def read_config(node: Node) -> NodeConfig:
    """Return the declared parameters as one checked configuration.

    Raises:
        ValueError: a parameter that the node does not have was given, or a value is refused.
    """
    check_parameter_names(name for name in given_names(node) if not _belongs_to_ros(name))
    return NodeConfig(**{p.name: node.get_parameter(p.name).value for p in node_parameters()})


def changed_config(config: NodeConfig, parameters: Sequence[Parameter]) -> NodeConfig:
    """Return the configuration after a request to set parameters.

    Raises:
        ValueError: the values do not make a configuration; the text is the reason to answer with.
    """
    ours = {p.name for p in node_parameters()}
    return dataclasses.replace(config, **{p.name: p.value for p in parameters if p.name in ours})


def given_names(node: Node) -> list[str]:
    """Return the names of all parameters given by file or command line, declared or not."""
    # rclpy has no public way to see values given for parameters that nobody declares.
    return sorted(node._parameter_overrides)


def descriptor(parameter: NodeParameter) -> ParameterDescriptor:
    """Return description, range and access of one parameter as ROS tools show them."""
    result = ParameterDescriptor(description=parameter.text, read_only=parameter.fixed)
    if parameter.choices:
        result.additional_constraints = f"one of {', '.join(parameter.choices)}"
    if parameter.minimum is not None and parameter.maximum is not None:
        low, high = parameter.minimum, parameter.maximum
        if parameter.from_model:
            # A descriptor has room for one range; what lies between is refused by NodeConfig.
            result.additional_constraints = f"must {range_text(low, high, True)}"
            low = MODEL_THRESHOLD
        if parameter.kind is int:
            result.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
        else:
            bounds = FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)
            result.floating_point_range = [bounds]
    return result


def _declare_one(node: Node, parameter: NodeParameter) -> None:
    try:
        node.declare_parameter(parameter.name, parameter.default, descriptor(parameter))
    except ParameterException as error:
        given = node._parameter_overrides[parameter.name].value
        raise ValueError(_refusal(parameter, given)) from error


def _refusal(parameter: NodeParameter, given: object) -> str:
    if type(given) is not parameter.kind:
        example = " (write 1.0, not 1)" if parameter.kind is float and type(given) is int else ""
        return f"{parameter.name} must be {parameter.kind.__name__}, not {given!r}{example}"
    assert parameter.minimum is not None and parameter.maximum is not None  # the other refusal
    span = range_text(parameter.minimum, parameter.maximum, parameter.from_model)
    return f"{parameter.name} must {span}, not {given!r}"


def _belongs_to_ros(name: str) -> bool:
    return name in ROS_OWN or name.startswith(ROS_OWN_PREFIXES)
