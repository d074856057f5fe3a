# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Backbones of segmenters: pixels to four maps, at strides 4, 8, 16 and 32."""
