# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What people read: Markdown and one HTML page, with the origin and the cost of the figures."""
