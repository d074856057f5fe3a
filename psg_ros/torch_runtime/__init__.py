# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Modules of `psg_ros.network` behind the interface of the backends that are deployed."""
