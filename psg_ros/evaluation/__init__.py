# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a scene graph is: recall of triplets (SingleMPO) and panoptic quality."""
