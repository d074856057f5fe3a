# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Surface patterns."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.simulation.patterns import PATTERN_SIZE, PATTERNS, draw_pattern


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_a_pattern_is_a_repeatable_picture_with_structure(name):
    image = draw_pattern(name, np.random.default_rng(1))
    assert image.shape == (PATTERN_SIZE, PATTERN_SIZE, 3) and image.dtype == np.uint8
    assert image.std() > 1
    np.testing.assert_array_equal(image, draw_pattern(name, np.random.default_rng(1)))


def test_an_unknown_pattern_is_refused():
    with pytest.raises(KeyError):
        draw_pattern("marble", np.random.default_rng(0))
