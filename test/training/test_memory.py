# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
import gc

import numpy as np

from psg_ros.training.memory import memory_use, return_free_memory


def test_what_is_held_shows_in_mib():
    gc.collect()  # what other tests have left must not go in between, as far as we can tell
    before = memory_use("cpu")
    held = np.ones(256 * 2**20, np.uint8)
    after = memory_use("cpu")
    assert set(before) == {"memory_mib"}
    assert 200 < after["memory_mib"] - before["memory_mib"] < 300 and held.any()


def test_free_memory_goes_back_to_the_system():
    held = [np.ones(100_000, np.uint8) for _ in range(1000)]  # too small for mappings of their own
    kept = held[::50]
    before = memory_use("cpu")["memory_mib"]
    del held
    return_free_memory()
    assert memory_use("cpu")["memory_mib"] < before - 60
    assert len(kept) == 20
