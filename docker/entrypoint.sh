#!/usr/bin/env bash
# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# Launch arguments go to the node's launch file; anything else is run as a command.
set -eo pipefail
# shellcheck disable=SC1090,SC1091 # made while the image is built
. "/opt/ros/$ROS_DISTRO/setup.bash"
# shellcheck disable=SC1091
[[ ! -f /ws/venv/bin/activate ]] || . /ws/venv/bin/activate
# shellcheck disable=SC1091
. /ws/install/setup.bash
if [[ $# -eq 0 || $1 == *:=* ]]; then
    exec ros2 launch psg_ros dsflash.launch.py "$@"
fi
exec "$@"
