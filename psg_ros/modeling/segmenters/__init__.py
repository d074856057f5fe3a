# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One file a segmenter; each gives class and mask logits and features for the relations."""
