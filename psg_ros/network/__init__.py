# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Torch modules only: no files, no data sets, no ROS.

Method: DSFlash (CVPR 2026) on EoMT ("Your ViT is secretly an image segmentation model", CVPR 2025).
"""
