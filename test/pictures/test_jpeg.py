# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A JPEG is a whole picture or an error, whatever libjpeg would draw of it."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from picture_bytes import PHOTO, encoded, jpeg, zero_filled
from PIL import Image

from psg_ros.pictures.encoded_picture import decode_samples
from psg_ros.pictures.image_error import ImageError
from psg_ros.pictures.jpeg import PADDING_BYTES, decode_jpeg, is_complete_jpeg

SHARED = Path(__file__).parents[3] / "shared" / "data"
LIMIT = 100


def with_thumbnail(content: bytes) -> bytes:
    """Put a whole small JPEG into the header, as cameras do."""
    inner = encoded("JPEG", PHOTO[:8, :8])
    return content[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(inner)) + inner + content[2:]


JPEGS = {
    "baseline": jpeg(),
    "progressive": jpeg(progressive=True),
    "without thinned colours": jpeg(subsampling=0),
    "with restarts": jpeg(restart_marker_blocks=2),
    "with a thumbnail": with_thumbnail(jpeg()),
    "grey": encoded("JPEG", PHOTO[..., 0]),
    "followed by other bytes": jpeg() + bytes(300) + b"trailer",
}
DAMAGEABLE = [name for name in JPEGS if name != "followed by other bytes"]


def decode(content: bytes) -> np.ndarray:
    pixels = decode_jpeg(np.frombuffer(content, np.uint8), LIMIT)
    assert pixels is not None
    return pixels


@pytest.mark.parametrize("name", JPEGS)
def test_a_whole_jpeg_is_what_opencv_makes_of_it(name: str) -> None:
    theirs = cv2.imdecode(np.frombuffer(JPEGS[name], np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(
        decode(JPEGS[name]), theirs[..., ::-1] if name != "grey" else theirs
    )


def test_a_jpeg_for_print_becomes_rgb() -> None:
    content = encoded("JPEG", Image.fromarray(PHOTO).convert("CMYK"), quality=95)
    assert np.abs(decode(content).astype(int) - PHOTO).mean() < 4


@pytest.mark.parametrize("name", DAMAGEABLE)
@pytest.mark.parametrize("filled", [False, True], ids=["cut off", "zeros to its old length"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
def test_a_part_of_a_jpeg_is_refused(name: str, filled: bool, share: float) -> None:
    whole = JPEGS[name]
    part = zero_filled(whole, share) if filled else whole[: int(len(whole) * share)]
    with pytest.raises(ImageError, match="damaged JPEG"):
        assert decode_jpeg(np.frombuffer(part, np.uint8), LIMIT) is not None


@pytest.mark.parametrize("name", DAMAGEABLE)
def test_a_hole_in_a_jpeg_is_refused(name: str) -> None:
    content = bytearray(JPEGS[name])
    middle = len(content) * 2 // 3
    content[middle : middle + len(content) // 8] = bytes(len(content) // 8)
    with pytest.raises(ImageError, match="damaged JPEG"):
        decode(bytes(content))


def test_flipped_bits_are_refused_where_the_codes_no_longer_fit(
    capfd: pytest.CaptureFixture,
) -> None:
    """What cannot be noticed is as many as the docstring says, and nothing is printed."""
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        content = bytearray(JPEGS["baseline"])
        content[int(rng.integers(700, len(content) - 2))] ^= 1 << int(rng.integers(8))
        try:
            decode(bytes(content))
        except ImageError:
            refused += 1
    assert 0.2 < refused / 400 < 0.6
    assert capfd.readouterr() == ("", "")


def test_the_padding_of_webcams_is_no_damage() -> None:
    def padded(count: int) -> bytes:
        return JPEGS["baseline"][:-2] + bytes([1]) * count + JPEGS["baseline"][-2:]

    np.testing.assert_array_equal(decode(padded(PADDING_BYTES)), decode(JPEGS["baseline"]))
    with pytest.raises(ImageError, match="extraneous bytes"):
        decode(padded(PADDING_BYTES + 20))


def test_a_jpeg_above_the_limit_costs_nothing() -> None:
    content = bytearray(JPEGS["baseline"])
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 65000, 65000)
    with pytest.raises(ImageError, match="65000 x 65000 px are 4225 megapixels, the limit is 100"):
        decode(bytes(content))


def test_what_has_no_header_of_a_jpeg_is_left_to_others() -> None:
    assert decode_jpeg(np.frombuffer(b"\xff\xd8\xff\xe0 no jpeg", np.uint8), LIMIT) is None


def without_tables() -> bytes:
    """Return a JPEG as a webcam sends it in Motion JPEG: the usual Huffman tables are left out."""
    content = encoded("JPEG", PHOTO, quality=90, optimize=False)
    while (place := content.find(b"\xff\xc4")) >= 0:
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        content = content[:place] + content[place + 2 + length :]
    return content


def test_the_usual_tables_may_be_left_out() -> None:
    np.testing.assert_array_equal(decode(without_tables()), decode(encoded("JPEG", quality=90)))


def test_colours_thinned_in_an_unusual_way_are_left_to_another_reader() -> None:
    """Which sees whether the end is missing, at least."""
    content = bytearray(jpeg(subsampling=0))
    frame = content.index(b"\xff\xc0")
    content[frame + 11 : frame + 18 : 3] = b"\x22\x12\x21"  # 2 x 2, 1 x 2, 2 x 1
    odd = bytes(content)
    assert decode_jpeg(np.frombuffer(odd, np.uint8), LIMIT) is None
    assert decode_samples(odd).shape == PHOTO.shape
    for part in (odd[:-2], odd[: len(odd) // 2], zero_filled(odd, 0.5)):
        with pytest.raises(ImageError, match="damaged JPEG: no end marker"):
            decode_samples(part)


@pytest.mark.parametrize("name", JPEGS)
def test_the_end_marker_is_found_behind_thumbnails_and_before_trailers(name: str) -> None:
    assert is_complete_jpeg(JPEGS[name])
    assert not is_complete_jpeg(jpeg()[:-2])


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_real_photos_are_whole() -> None:
    photos = [*SHARED.glob("coco_panoptic/*.jpg"), *SHARED.glob("psg_sample/images/*.jpg")]
    assert len(photos) == 7
    for photo in photos:
        content = photo.read_bytes()
        assert decode(content).size and is_complete_jpeg(content)
        with pytest.raises(ImageError):
            decode(content[:-2])
