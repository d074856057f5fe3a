# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np

from psg_ros.training.memory import memory_use


def test_what_is_held_shows_in_mib():
    before = memory_use("cpu")
    held = np.ones(64 * 2**20, np.uint8)
    after = memory_use("cpu")
    assert set(before) == {"memory_mib"}
    assert 50 < after["memory_mib"] - before["memory_mib"] < 90 and held.any()
