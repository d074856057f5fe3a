# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image files and folders of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.media import open_media, read_image

GRADIENT = np.stack(np.broadcast_arrays(*np.ogrid[0:240:6, 0:200:4], 90), axis=-1).astype(np.uint8)
"""uint8 [40, 50, 3] RGB: red grows downwards, green to the right."""


def write(path: Path, image_rgb: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), image_rgb[..., ::-1] if image_rgb.ndim == 3 else image_rgb)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".ppm"])
def test_lossless_formats_come_back_as_rgb(tmp_path: Path, suffix: str) -> None:
    image = read_image(write(tmp_path / f"a{suffix}", GRADIENT))
    np.testing.assert_array_equal(image, GRADIENT)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_keep_the_order_of_channels(tmp_path: Path, suffix: str) -> None:
    image = read_image(write(tmp_path / f"a{suffix}", GRADIENT))
    assert np.abs(image.astype(int) - GRADIENT).mean() < 6


def test_greyscale_is_repeated_over_the_channels(tmp_path: Path) -> None:
    image = read_image(write(tmp_path / "a.png", GRADIENT[..., 0]))
    np.testing.assert_array_equal(image, np.repeat(GRADIENT[..., :1], 3, axis=2))


def test_transparency_is_dropped(tmp_path: Path) -> None:
    bgra = np.dstack([GRADIENT[..., ::-1], np.full((40, 50), 7, np.uint8)])
    cv2.imwrite(str(tmp_path / "a.png"), bgra)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), GRADIENT)


def test_16_bit_is_scaled_to_8(tmp_path: Path) -> None:
    image = read_image(write(tmp_path / "a.png", GRADIENT.astype(np.uint16) * 257))
    np.testing.assert_array_equal(image, GRADIENT)


def test_the_rotation_of_the_exif_tag_is_applied(tmp_path: Path) -> None:
    plain = cv2.imencode(".jpg", GRADIENT[..., ::-1])[1].tobytes()
    # Exif segment, little endian, one entry: orientation (0x0112) = 6, turn 90 degrees clockwise.
    tiff = bytes.fromhex("49492a0008000000010012010300010000000600000000000000")
    segment = b"Exif\0\0" + tiff
    marker = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    (tmp_path / "a.jpg").write_bytes(plain[:2] + marker + plain[2:])
    image = read_image(tmp_path / "a.jpg")
    assert np.abs(image.astype(int) - np.rot90(GRADIENT, -1)).mean() < 6


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_an_incomplete_file_is_refused_by_name(tmp_path: Path, suffix: str, share: float) -> None:
    path = write(tmp_path / f"half{suffix}", np.tile(GRADIENT, (4, 4, 1)))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=f"half{suffix}"):
        read_image(path)


def test_text_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(ValueError, match="a.png is not a readable picture"):
        read_image(tmp_path / "a.png")


def test_a_single_image_is_media_of_one_frame(tmp_path: Path) -> None:
    media = open_media(write(tmp_path / "a.png", GRADIENT))
    frames = list(media.frames())
    assert media.is_single and media.num_frames == len(frames) == 1
    np.testing.assert_array_equal(frames[0].image, GRADIENT)
