# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures as their masks were drawn, and the ids in a panoptic PNG."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from picture_bytes import PHOTO, encoded, jpeg, with_exif, zero_filled

from psg_ros.data.pictures import (
    positions_of,
    read_rgb_of_size,
    read_segment_ids,
    turned_by_exif,
)
from psg_ros.pictures.image_error import ImageError

STORED_HW = PHOTO.shape[:2]
TURNED_HW = STORED_HW[::-1]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def write_ids(path: Path, ids: np.ndarray) -> Path:
    bgr = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1)
    assert cv2.imwrite(str(path), bgr.astype(np.uint8))
    return path


@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_damaged_picture_is_refused_by_name(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "a.jpg", zero_filled(jpeg(), share))
    with pytest.raises(ImageError, match=r"a\.jpg is not a readable picture: damaged JPEG"):
        read_rgb_of_size(path, STORED_HW)


def test_a_damaged_png_of_ids_is_refused_by_name(tmp_path: Path) -> None:
    path = write_ids(tmp_path / "a.png", np.arange(6000).reshape(60, 100))
    write(path, path.read_bytes()[:-200])
    with pytest.raises(ImageError, match=r"a\.png is not a readable picture: incomplete PNG"):
        read_segment_ids(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.jpg does not exist"):
        read_rgb_of_size(tmp_path / "a.jpg", STORED_HW)
    assert turned_by_exif(tmp_path / "a.jpg", STORED_HW) == ""


def test_a_picture_of_another_size_than_annotated_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", jpeg())
    assert read_rgb_of_size(path, STORED_HW).shape == PHOTO.shape
    with pytest.raises(ValueError, match="is 160 x 120 px, the annotation says 120 x 160 px"):
        read_rgb_of_size(path, TURNED_HW)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_photo_is_read_as_it_is_stored_where_the_mask_is_of_that_size(
    tmp_path: Path, orientation: int
) -> None:
    path = write(tmp_path / "a.png", with_exif("PNG", orientation))
    np.testing.assert_array_equal(read_rgb_of_size(path, STORED_HW), PHOTO)
    words = rf"a\.png is to be .* \(EXIF {orientation}\): ignored"
    assert re.match(words, turned_by_exif(path, STORED_HW))


@pytest.mark.parametrize(("orientation", "quarters"), [(6, -1), (8, 1)])
def test_a_photo_is_turned_where_only_then_it_is_of_the_size_of_the_mask(
    tmp_path: Path, orientation: int, quarters: int
) -> None:
    path = write(tmp_path / "a.png", with_exif("PNG", orientation))
    np.testing.assert_array_equal(read_rgb_of_size(path, TURNED_HW), np.rot90(PHOTO, quarters))
    assert "applied, as the annotated size asks" in turned_by_exif(path, TURNED_HW)


def test_a_photo_without_a_tag_is_not_mentioned(tmp_path: Path) -> None:
    assert turned_by_exif(write(tmp_path / "a.png", encoded("PNG")), STORED_HW) == ""


def test_ids_use_all_three_bytes_without_wrapping(tmp_path: Path) -> None:
    ids = np.array([[0, 255, 256, 65535, 65536, 16777215]])
    assert read_segment_ids(write_ids(tmp_path / "p.png", ids)).tolist() == ids.tolist()


def test_ids_are_found_whatever_order_they_are_listed_in(tmp_path: Path) -> None:
    path = write_ids(tmp_path / "p.png", np.array([[1, 2, 3, 4, 16777215]]))
    ids = read_segment_ids(path)
    assert positions_of(ids, np.array([3, 16777215, 1])).tolist() == [[2, -1, 0, -1, 1]]
