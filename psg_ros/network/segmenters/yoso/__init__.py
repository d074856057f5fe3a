# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""YOSO: no attention to pixels, few queries, kernels that look at each other."""
