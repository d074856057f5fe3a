# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The segmenters, listed in `table`; each gives class and mask logits and features."""
