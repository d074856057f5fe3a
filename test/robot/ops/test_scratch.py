# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Working memory."""

from __future__ import annotations

import numpy as np

from psg_ros.robot.ops.scratch import Scratch


def test_the_same_request_gives_the_same_memory():
    scratch = Scratch()
    assert scratch.take("a", (2, 3), np.float32) is scratch.take("a", (2, 3), np.float32)


def test_another_name_shape_or_dtype_gives_other_memory():
    scratch = Scratch()
    first = scratch.take("a", (2, 3), np.float32)
    assert scratch.take("b", (2, 3), np.float32) is not first
    assert scratch.take("a", (3, 3), np.float32).shape == (3, 3)
    assert scratch.take("a", (3, 3), np.uint8).dtype == np.uint8


def test_a_part_reuses_memory_that_is_large_enough():
    scratch = Scratch()
    large = scratch.take_part("a", (4, 5), np.float32)
    small = scratch.take_part("a", (3, 2), np.float32)
    assert small.shape == (3, 2)
    assert np.shares_memory(small, large)
    assert not np.shares_memory(scratch.take_part("a", (7, 7), np.float32), large)
