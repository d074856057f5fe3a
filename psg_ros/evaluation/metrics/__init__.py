# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured: recall of triplets, panoptic quality, calibration; numbers in, numbers out."""
