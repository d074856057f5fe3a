# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training: stage 1 teaches the segmenter, stage 2 the relations on the frozen segmenter."""
