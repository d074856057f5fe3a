# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scene graphs as pictures."""
