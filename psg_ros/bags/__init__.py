# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of images -> bags of scene graphs, without ROS, as fast as the model runs."""
