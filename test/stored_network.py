# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What tests store in the cache of compiled networks."""

NETWORK = bytes(range(256)) * 64
PURPOSE = "this version, this processor, this model"
