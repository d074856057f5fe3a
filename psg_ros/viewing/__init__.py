# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs in the viewer of Rerun: masks, boxes, graph and a time line of relations."""
