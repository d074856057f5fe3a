# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From DSFormer to this package, one change after the other, measured on one machine.

DSFormer and its ResNet-50 lie here because nothing else needs them: they are only ever measured.
"""
