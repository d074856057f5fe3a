# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Predictions in a folder: written once, judged as often as wanted, by other tools as well."""
