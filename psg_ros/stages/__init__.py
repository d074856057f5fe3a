# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a backend's arrays mean: the segmenter and the relation stage."""
