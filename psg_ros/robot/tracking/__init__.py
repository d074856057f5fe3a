# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What needs memory over frames: stable identities."""
