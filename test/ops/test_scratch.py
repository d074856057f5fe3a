# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Working memory."""

from __future__ import annotations

import numpy as np

from psg_ros.ops.scratch import Scratch


def test_the_same_request_gives_the_same_memory():
    scratch = Scratch()
    assert scratch.take("a", (2, 3), np.float32) is scratch.take("a", (2, 3), np.float32)


def test_another_name_shape_or_dtype_gives_other_memory():
    scratch = Scratch()
    first = scratch.take("a", (2, 3), np.float32)
    assert scratch.take("b", (2, 3), np.float32) is not first
    assert scratch.take("a", (3, 3), np.float32).shape == (3, 3)
    assert scratch.take("a", (3, 3), np.uint8).dtype == np.uint8
