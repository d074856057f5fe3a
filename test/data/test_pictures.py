# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decoding: right colours and ids, and no picture that is only half there."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.data.pictures import (
    is_complete_jpeg,
    positions_of,
    read_rgb,
    read_rgb_of_size,
    read_segment_ids,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


def jpeg(**options: int) -> bytes:
    flags = [value for name, number in options.items() for value in (getattr(cv2, name), number)]
    return cv2.imencode(".jpg", NOISE, flags)[1].tobytes()


def with_thumbnail(content: bytes) -> bytes:
    """Put a whole small JPEG into the header, as cameras do."""
    inner = cv2.imencode(".jpg", NOISE[:8, :8])[1].tobytes()
    return content[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(inner)) + inner + content[2:]


JPEGS = {
    "baseline": jpeg(),
    "progressive": jpeg(IMWRITE_JPEG_PROGRESSIVE=1),
    "with restarts": jpeg(IMWRITE_JPEG_RST_INTERVAL=2),
    "with a thumbnail": with_thumbnail(jpeg()),
    "followed by other bytes": jpeg() + bytes(300) + b"trailer",
}


def write_ids(path: Path, ids: np.ndarray) -> Path:
    bgr = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1)
    assert cv2.imwrite(str(path), bgr.astype(np.uint8))
    return path


@pytest.mark.parametrize("name", JPEGS)
def test_a_whole_jpeg_is_read(tmp_path, name):
    (tmp_path / "a.jpg").write_bytes(JPEGS[name])
    assert is_complete_jpeg(JPEGS[name])
    np.testing.assert_array_equal(
        read_rgb(tmp_path / "a.jpg")[..., ::-1], cv2.imread(str(tmp_path / "a.jpg"))
    )


@pytest.mark.parametrize("name", list(JPEGS)[:4])
@pytest.mark.parametrize("filled", [False, True], ids=["cut off", "zeros to its old length"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_truncated_jpeg_is_refused(tmp_path, name, filled, share):
    whole = JPEGS[name]
    part = whole[: int(len(whole) * share)]
    (tmp_path / "a.jpg").write_bytes(part + bytes(len(whole) - len(part)) * filled)
    with pytest.raises(ValueError, match=r"a\.jpg is a truncated JPEG"):
        read_rgb(tmp_path / "a.jpg")


def test_opencv_alone_would_show_half_of_it(tmp_path):
    """Why there is a check: fails when OpenCV has become strict and the check can go."""
    (tmp_path / "a.jpg").write_bytes(JPEGS["baseline"][: len(JPEGS["baseline"]) // 2])
    assert cv2.imread(str(tmp_path / "a.jpg")) is not None


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.jpg is "):
        read_rgb(tmp_path / "a.jpg")


def test_a_truncated_png_is_refused(tmp_path):
    path = write_ids(tmp_path / "a.png", np.arange(6000).reshape(60, 100))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"a\.png is incomplete"):
        read_segment_ids(path)


def test_a_png_that_claims_to_be_huge_is_refused(tmp_path):
    path = write_ids(tmp_path / "a.png", np.zeros((4, 4), np.int64))
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 10**9, 10**9)
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"a\.png is incomplete or not a readable PNG"):
        read_segment_ids(path)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.jpg does not exist"):
        read_rgb(tmp_path / "a.jpg")


def test_a_picture_of_another_size_than_annotated_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEGS["baseline"])
    assert read_rgb_of_size(tmp_path / "a.jpg", (60, 80)).shape == (60, 80, 3)
    with pytest.raises(ValueError, match="is 80 x 60 px, the annotation says 60 x 80 px"):
        read_rgb_of_size(tmp_path / "a.jpg", (80, 60))


def test_ids_use_all_three_bytes_without_wrapping(tmp_path):
    ids = np.array([[0, 255, 256, 65535, 65536, 16777215]])
    assert read_segment_ids(write_ids(tmp_path / "p.png", ids)).tolist() == ids.tolist()


def test_ids_are_found_whatever_order_they_are_listed_in(tmp_path):
    path = write_ids(tmp_path / "p.png", np.array([[1, 2, 3, 4, 16777215]]))
    ids = read_segment_ids(path)
    assert positions_of(ids, np.array([3, 16777215, 1])).tolist() == [[2, -1, 0, -1, 1]]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_real_photos_count_as_complete():
    photos = [*SHARED.glob("coco_panoptic/*.jpg"), *SHARED.glob("psg_sample/images/*.jpg")]
    assert len(photos) == 7
    for photo in photos:
        content = photo.read_bytes()
        assert is_complete_jpeg(content) and not is_complete_jpeg(content[:-2])
