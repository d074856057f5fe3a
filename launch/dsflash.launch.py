# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start the scene graph node for one camera, or for several that share the model.

    ros2 launch psg_ros dsflash.launch.py image:=/camera/image_raw
    ros2 launch psg_ros dsflash.launch.py cameras:=front,rear image:=/CAMERA/image_raw

Arguments without a value leave the parameter file in charge. The node walks its own lifecycle
(`autostart`), because a failed configure then ends the process with an error that launch reports,
on every distribution; with autostart:=false any lifecycle manager drives it through its services.
"""

import os
import sys

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from psg_ros.resources import PACKAGE
from psg_ros.ros import launch_arguments, start, transport


def declared_arguments():
    """Return what a user may say, from the same table that the tests use."""
    return [
        DeclareLaunchArgument(
            argument.name, default_value=argument.default, description=argument.description
        )
        for argument in launch_arguments.launch_arguments()
    ]


def start_nodes(context):
    """Return the node, and RViz if wanted; an error is what launch reports and stops with."""
    launch_arguments.check_names(context.argv, sys.argv, __file__)
    values = launch_arguments.read_values(context.launch_configurations)
    overrides = launch_arguments.launch_parameters(values)
    nodes = [
        Node(
            package=PACKAGE,
            executable=start.EXECUTABLE,
            name=values["name"],
            namespace=values["namespace"],
            parameters=[values["params_file"], *([overrides] if overrides else [])],
            remappings=start.topic_remaps(
                values["image"],
                values["depth"],
                values["camera_info"],
                cameras=launch_arguments.camera_names(values),
            ),
            arguments=["--ros-args", "--log-level", values["log_level"]],
            additional_env={
                **transport.transport_environment(os.environ),
                **transport.allocator_environment(os.environ),
            },
            output="screen",
            emulate_tty=True,
        )
    ]
    if values["rviz"] == "true":
        nodes.append(
            Node(
                package="rviz2",
                executable="rviz2",
                namespace=values["namespace"],
                arguments=launch_arguments.rviz_arguments(values),
                remappings=launch_arguments.rviz_remaps(values),
                parameters=[{"use_sim_time": values["use_sim_time"] == "true"}],
                output="screen",
            )
        )
    return nodes


def generate_launch_description():
    """Return the arguments and the nodes."""
    return LaunchDescription([*declared_arguments(), OpaqueFunction(function=start_nodes)])
