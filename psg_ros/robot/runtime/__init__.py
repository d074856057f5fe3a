# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Running one artifact: the backend protocol and its implementations."""
