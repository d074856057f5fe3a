# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start the scene graph node for one camera.

    ros2 launch psg_ros dsflash.launch.py image:=/camera/image_raw

Arguments without a value leave the parameter file in charge. The node walks its own lifecycle
(`autostart`), because a failed configure then ends the process with an error that launch reports,
on every distribution; with autostart:=false any lifecycle manager drives it through its services.
"""

import os

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from psg_ros.resources import PACKAGE
from psg_ros.ros import start, transport


def declared_arguments():
    """Return what a user may say, from the same table that the tests and `psg` use."""
    return [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.text,
            **({"choices": list(argument.choices)} if argument.choices else {}),
        )
        for argument in start.launch_arguments()
    ]


def start_node(context):
    """Return the node for the given arguments."""
    given = {
        argument.name: LaunchConfiguration(argument.name).perform(context)
        for argument in start.launch_arguments()
    }
    overrides = start.launch_parameters(given)
    return [
        Node(
            package=PACKAGE,
            executable=start.EXECUTABLE,
            name=start.NODE_NAME,
            namespace=given["namespace"],
            parameters=[given["params_file"], *([overrides] if overrides else [])],
            remappings=start.topic_remaps(given["image"]),
            arguments=["--ros-args", "--log-level", given["log_level"]],
            additional_env={
                **transport.transport_environment(os.environ),
                **transport.allocator_environment(os.environ),
            },
            output="screen",
            emulate_tty=True,
        )
    ]


def generate_launch_description():
    """Return the arguments and the node."""
    return LaunchDescription([*declared_arguments(), OpaqueFunction(function=start_node)])
