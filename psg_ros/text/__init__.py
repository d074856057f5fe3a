# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Words -> vectors, and model folders that get other words. Nothing of it runs for an image."""
