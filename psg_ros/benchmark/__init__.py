# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long one frame takes, what it costs, and what each step from DSFormer to this package saves.

`ladder` measures networks in torch, one step of `ladder.steps.STEPS` after the other; `stage_times`
measures the deployed pipeline, which needs no torch.
"""
