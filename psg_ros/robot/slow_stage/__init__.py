# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stage too slow for every frame: it runs beside the pipeline, in a process of its own.

What it is does not matter here, nor what it needs (torch): it gets an image and its segments and
says how they relate, in words of its own. `psg_ros.network.spade.process` is one.
"""
