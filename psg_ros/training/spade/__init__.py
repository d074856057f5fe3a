# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training of SPADE: `calibration` is its stage 1, `relation_training` its stage 2."""
