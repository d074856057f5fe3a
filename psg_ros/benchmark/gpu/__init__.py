# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an NVIDIA machine does with this package: `benchmarks/gpu_check.sh` runs it.

`check` runs the `sections` one after the other, each in a process of its own and within the time
that is left, and writes one file. `frame` is the whole network as one captured graph. All of it
needs torch and nothing else, see `stand_ins`.
"""
