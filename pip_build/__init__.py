# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds this package with pip alone: the messages that CMake builds for `colcon`, without CMake.

Not installed. `setup.py` joins the parts.
"""
