# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes of pictures and of image messages -> RGB arrays, or an `ImageError` that says why not."""
