# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated pictures on disk."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile_names import HOSTILE_NAMES

from psg_ros.pictures.picture_file import read_image
from psg_ros.simulation.storage import write_image


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_the_folder_of_a_data_set_can_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    image = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    write_image(folder / "000001.png", image, cv2.IMWRITE_PNG_COMPRESSION, 6)
    np.testing.assert_array_equal(read_image(folder / "000001.png"), image[..., ::-1])
    assert os.listdir(folder) == ["000001.png"]
