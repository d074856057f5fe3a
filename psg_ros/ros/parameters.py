# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS parameters derived from NodeConfig: declared, read and changed.

Those that are `fixed` may be set while the node is unconfigured: before configure, after cleanup.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from psg_ros.node_config import (
    NodeConfig,
    NodeParameter,
    canonical_values,
    check_parameter_names,
    near_parameter,
    node_parameters,
)
from psg_ros.quoting import plain
from psg_ros.ros import qos_overrides
from psg_ros.ros.parameter_files import wildcard_names
from psg_ros.setting_fields import MODEL_THRESHOLD, range_text

START_ONLY = ("autostart", "build_only")
"""Parameters that are read once, when the node is made."""

UNCONFIGURED_ONLY = "can be set while the node is unconfigured"

ROS_OWN = ("use_sim_time", "start_type_description_service")
ROS_OWN_PREFIXES = tuple(
    f"qos_overrides./{topic}." for topic in ("clock", "parameter_events", "rosout")
)


def declare(node: Node) -> None:
    """Declare all parameters, but for those that an embedding program had declared from a file.

    Raises:
        ValueError: a given value of the wrong type or outside its range; says what is expected.
    """
    for parameter in node_parameters():
        if not node.has_parameter(parameter.name):
            _declare_one(node, parameter)


def read_config(node: Node, ignored: Collection[str] = ()) -> NodeConfig:
    """Return the declared parameters as one checked configuration.

    Args:
        ignored: given parameters that are not for this node.

    Raises:
        ValueError: a parameter that the node does not have was given, or a value is refused.
    """
    given = {
        name: value
        for name, value in given_parameters(node).items()
        if name not in ignored and not _belongs_to_ros(name)
    }
    overrides = {k: v for k, v in given.items() if k.startswith(qos_overrides.PREFIX)}
    check_parameter_names(given.keys() - overrides.keys())
    qos_overrides.check(node, overrides)
    values = {p.name: node.get_parameter(p.name).value for p in node_parameters()}
    return NodeConfig(**canonical_values(values))


def others_parameters(
    node: Node,
    arguments: Sequence[str],
    *,
    cli_args: Sequence[str] | None = None,
    parameter_overrides: Sequence[Parameter] | None = None,
    use_global_arguments: bool = True,
    **_: Any,
) -> list[str]:
    """Return the given parameters that are for other nodes, and warn of them.

    They stand in a parameter file under wildcards alone, and this node does not have them.

    Args:
        arguments: command line that `rclpy.init` was given.
        cli_args, parameter_overrides, use_global_arguments: what the node was made with.
    """
    line = [*(arguments if use_global_arguments else ()), "--", *(cli_args or ())]
    try:
        shared = wildcard_names(line, node.get_fully_qualified_name())
    except ValueError:  # rclpy was given other files: nothing is known, so every name counts
        return []
    shared &= given_parameters(node).keys()
    shared -= {parameter.name for parameter in parameter_overrides or ()}
    known = {parameter.name for parameter in node_parameters()}
    known.update(qos_overrides.known_names(node))
    others = sorted(name for name in shared - known if not _belongs_to_ros(name))
    if others:
        node.get_logger().warning(
            "ignored, because they are under a wildcard and this node does not have them: "
            f"{', '.join(map(_with_near_name, others))}"
        )
    return others


def _with_near_name(name: str) -> str:
    near = near_parameter(name, closeness=0.8)
    return f"{plain(name)} (did you mean {near}?)" if near else plain(name)


def changed_config(config: NodeConfig | None, parameters: Sequence[Parameter]) -> NodeConfig | None:
    """Return the configuration after a request to set parameters.

    Args:
        config: the present one; None while unconfigured, when the values are only checked.

    Returns:
        `config` itself when none of the parameters is ours.

    Raises:
        ValueError: the values do not make a configuration, or one is fixed while configured; the
            text is the reason to answer with.
    """
    table = {p.name: p for p in node_parameters()}
    values = canonical_values({p.name: p.value for p in parameters if p.name in table})
    if config is None:
        NodeConfig(**values)
        return None
    for name, value in values.items():
        if table[name].fixed and value != getattr(config, name):
            raise ValueError(
                f"{name} {UNCONFIGURED_ONLY}: deactivate and clean up, set it, configure again"
            )
    return dataclasses.replace(config, **values) if values else config


def given_parameters(node: Node) -> dict[str, Any]:
    """Return all parameters given by file or command line, declared or not."""
    # rclpy has no public way to see values given for parameters that nobody declares.
    return {name: parameter.value for name, parameter in node._parameter_overrides.items()}


def descriptor(parameter: NodeParameter) -> ParameterDescriptor:
    """Return description, range and access of one parameter as ROS tools show them."""
    result = ParameterDescriptor(
        description=parameter.text,
        read_only=parameter.name in START_ONLY,
        additional_constraints="; ".join(_constraints(parameter)),
    )
    if parameter.minimum is not None and parameter.maximum is not None:
        # A descriptor has room for one range; what lies between is refused by NodeConfig.
        low = MODEL_THRESHOLD if parameter.from_model else parameter.minimum
        high = parameter.maximum
        if parameter.kind is int:
            result.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
        else:
            bounds = FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)
            result.floating_point_range = [bounds]
    return result


def ros_default(parameter: NodeParameter) -> Any:
    """Return the default as ROS takes it: of no texts a list with an empty one, for its type."""
    return parameter.default if parameter.kind is not tuple else list(parameter.default) or [""]


def _constraints(parameter: NodeParameter) -> Iterator[str]:
    """Yield what a descriptor has no field for."""
    if parameter.choices:
        yield f"one of {', '.join(parameter.choices)}"
    if parameter.from_model:
        assert parameter.minimum is not None and parameter.maximum is not None
        yield f"must {range_text(parameter.minimum, parameter.maximum, True)}"
    if parameter.kind is tuple and not parameter.default:
        yield 'a list of texts; [""] is an empty one'
    if parameter.fixed and parameter.name not in START_ONLY:
        yield UNCONFIGURED_ONLY


def _declare_one(node: Node, parameter: NodeParameter) -> None:
    try:
        node.declare_parameter(parameter.name, ros_default(parameter), descriptor(parameter))
    except ParameterException as error:
        raise ValueError(_refusal(parameter, given_parameters(node)[parameter.name])) from error


def _refusal(parameter: NodeParameter, given: object) -> str:
    if parameter.kind is tuple:
        instance = list(parameter.default) or ["a", "b"]
        what = "numbers with a point" if parameter.default else "texts"
        return f"{parameter.name} must be a list of {what}, as in {instance}, not {given!r}"
    if type(given) is not parameter.kind:
        examples = {(float, int): " (write 1.0, not 1)", (str, bool): ' (put it in quotes: "no")'}
        example = examples.get((parameter.kind, type(given)), "")
        return f"{parameter.name} must be {parameter.kind.__name__}, not {given!r}{example}"
    assert parameter.minimum is not None and parameter.maximum is not None  # the other refusal
    span = range_text(parameter.minimum, parameter.maximum, parameter.from_model)
    return f"{parameter.name} must {span}, not {given!r}"


def _belongs_to_ros(name: str) -> bool:
    return name in ROS_OWN or name.startswith(ROS_OWN_PREFIXES)
