# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mask2Former, and PRO-SCALE, which makes its pixel decoder cheaper."""
