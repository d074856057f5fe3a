# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How each kind of thing is built and coloured: one function each for shape and palette."""
