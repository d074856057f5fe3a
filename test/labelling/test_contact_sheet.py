# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The contact sheet: pictures of the data set, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_psg import VOCABULARY, write_tiny_psg

from psg_ros.data.opening import open_dataset
from psg_ros.drawing.annotated_files import write_image
from psg_ros.labelling.contact_sheet import CELL_HW, GAP_PX, draw_cell, write_contact_sheet
from psg_ros.pictures.picture_file import read_image

HEIGHT, WIDTH = CELL_HW


@pytest.mark.parametrize(
    ("asked", "rows", "columns"), [(1, 1, 1), (3, 1, 3), (5, 2, 4), (99, 2, 4)]
)
def test_it_holds_as_many_pictures_as_asked_or_there(
    tmp_path: Path, asked: int, rows: int, columns: int
) -> None:
    dataset = open_dataset(write_tiny_psg(tmp_path), VOCABULARY, "train")
    write_contact_sheet(tmp_path / "sheet.jpg", dataset, VOCABULARY, asked)
    sheet = read_image(tmp_path / "sheet.jpg")
    expected = (rows * (HEIGHT + GAP_PX) - GAP_PX, columns * (WIDTH + GAP_PX) - GAP_PX, 3)
    assert sheet.shape == expected


@pytest.mark.parametrize("image_hw", [(48, 72), (200, 20), (20, 400)])
def test_pictures_keep_their_aspect_ratio(tmp_path: Path, image_hw: tuple[int, int]) -> None:
    dataset = open_dataset(write_tiny_psg(tmp_path, 2, image_hw), VOCABULARY, "train")
    cell = draw_cell(dataset[0], VOCABULARY)
    assert cell.shape == (HEIGHT, WIDTH, 3)
    scale = min(HEIGHT / image_hw[0], WIDTH / image_hw[1])
    covered = (cell != 255).any(axis=2)
    assert covered.any(axis=1).sum() == pytest.approx(scale * image_hw[0], abs=2)
    assert covered.any(axis=0).sum() == pytest.approx(scale * image_hw[1], abs=2)


def test_void_is_dark(tmp_path: Path) -> None:
    folder = write_tiny_psg(tmp_path, 2)
    dataset = open_dataset(folder, VOCABULARY, "train")
    white = np.full((*dataset[0].segmentation.image_hw, 3), 255, np.uint8)
    write_image(dataset[0].image_path, white)
    cell = draw_cell(dataset[0], VOCABULARY)
    is_void = dataset[0].segmentation.label_map < 0
    row, column = (np.median(places) + 0.5 for places in np.nonzero(is_void))
    scale = WIDTH / is_void.shape[1]
    top = (HEIGHT - scale * is_void.shape[0]) / 2
    assert is_void[int(row), int(column)]
    assert cell[int(top + scale * row), int(scale * column)].max() < 100
