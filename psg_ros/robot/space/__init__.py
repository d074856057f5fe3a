# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From pixels with depth to metres: where a camera looks, and where the segments it sees are."""
