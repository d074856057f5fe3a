# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numpy and OpenCV functions of the deployed part, without state."""
