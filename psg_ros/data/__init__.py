# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Annotated images: the PSG layout and the simulated world. Data set ids end in this folder."""
