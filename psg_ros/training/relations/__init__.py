# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2 of training: relations on a finished segmenter, and their probabilities."""
