# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CompressedImage messages: as image_transport writes them, as cameras do, and broken ones."""

import array
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from picture_bytes import PHOTO, encoded, with_exif, zero_filled

from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.image_decoding import decode_image
from psg_ros.pictures.image_error import ImageError

ROWS, COLUMNS = np.mgrid[:12, :16]
RAMPS = np.stack([40 + 4 * COLUMNS, 200 - 8 * ROWS, 60 + 2 * COLUMNS + 4 * ROWS], -1).astype(
    np.uint8
)
"""uint8 [12, 16, 3] RGB whose channels are different straight ramps."""
PATTERNS = ("rggb", "bggr", "gbrg", "grbg")
CASES = Path(__file__).parents[3] / "shared" / "cases"


def message(format_name: str, data: bytes) -> SimpleNamespace:
    return SimpleNamespace(format=format_name, data=array.array("B", data))


def compressed(pixels: np.ndarray, suffix: str) -> bytes:
    """Compress as the plugin does: OpenCV takes colours as BGR."""
    return cv2.imencode(suffix, pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1].tobytes()


def raw(encoding: str, pixels: np.ndarray) -> np.ndarray:
    """Return what the same pixels give without compression."""
    return decode_image(
        SimpleNamespace(
            encoding=encoding,
            width=pixels.shape[1],
            height=pixels.shape[0],
            step=pixels[0].nbytes,
            is_bigendian=0,
            data=pixels.tobytes(),
        )
    )


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "8UC3"])
@pytest.mark.parametrize(("codec", "limit"), [("png", 0), ("tiff", 0), ("jpeg", 8)])
def test_colours_come_back_whatever_order_the_camera_had(
    encoding: str, codec: str, limit: int
) -> None:
    text = f"{encoding}; {codec} compressed bgr8"
    decoded = decode_compressed_image(message(text, compressed(RAMPS, f".{codec}")))
    assert decoded.dtype == np.uint8 and decoded.flags.c_contiguous
    assert np.abs(decoded.astype(int) - RAMPS).max() <= limit


@pytest.mark.parametrize("encoding", ["rgb16", "bgr16"])
def test_colours_of_16_bit_become_8(encoding: str) -> None:
    deep = RAMPS.astype(np.uint16) * 257
    text = f"{encoding}; png compressed bgr16"
    decoded = decode_compressed_image(message(text, compressed(deep, ".png")))
    np.testing.assert_array_equal(decoded, RAMPS)


def test_colours_that_were_compressed_as_rgb_are_exchanged_in_the_file() -> None:
    data = compressed(RAMPS[..., ::-1], ".png")
    decoded = decode_compressed_image(message("rgb8; png compressed rgb8", data))
    np.testing.assert_array_equal(decoded, RAMPS)


@pytest.mark.parametrize("text", ["jpeg", "png", "jpg", "JPEG", "image/png", "", "rgb8", "mono8"])
def test_cameras_that_compress_themselves_may_write_what_they_like(text: str) -> None:
    decoded = decode_compressed_image(message(text, compressed(RAMPS, ".png")))
    np.testing.assert_array_equal(decoded, RAMPS)


@pytest.mark.parametrize("text", ["mono8; png compressed ", "mono8; png compressed mono8", "png"])
def test_grey_becomes_rgb(text: str) -> None:
    decoded = decode_compressed_image(message(text, compressed(RAMPS[..., 0], ".png")))
    np.testing.assert_array_equal(decoded, RAMPS[..., :1].repeat(3, 2))


@pytest.mark.parametrize(
    "text", ["mono16; png compressed ", "mono16; png", "mono16; tiff compressed "]
)
def test_grey_of_16_bit_is_scaled_as_without_compression(text: str) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (12, 16), np.uint16)
    suffix = ".tiff" if "tiff" in text else ".png"
    decoded = decode_compressed_image(message(text, compressed(deep, suffix)))
    np.testing.assert_array_equal(decoded, raw("mono16", deep))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("codec", ["png", "tiff"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_bayer_mosaic_becomes_the_same_picture_as_without_compression(
    pattern: str, codec: str, bits: int
) -> None:
    mosaic = np.random.default_rng(1).integers(0, 1 << bits, (12, 16), f"u{bits // 8}")
    encoding = f"bayer_{pattern}{bits}"
    for target in ("", encoding):
        text = f"{encoding}; {codec} compressed {target}"
        decoded = decode_compressed_image(message(text, compressed(mosaic, f".{codec}")))
        np.testing.assert_array_equal(decoded, raw(encoding, mosaic))
    assert len(np.unique(decoded.reshape(-1, 3), axis=0)) > 100  # not grey


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_bayer_mosaic_in_a_jpeg_is_a_mosaic_too(pattern: str) -> None:
    mosaic = np.full((32, 32), 20, np.uint8)
    mosaic[pattern.index("r") // 2 :: 2, pattern.index("r") % 2 :: 2] = 220
    encoding = f"bayer_{pattern}8"
    data = cv2.imencode(".jpg", mosaic, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    decoded = decode_compressed_image(message(f"{encoding}; jpeg compressed ", data))
    assert np.abs(decoded.astype(int) - (220, 20, 20)).max() < 30


def test_a_camera_that_demosaics_before_it_compresses_gives_colours() -> None:
    text = "bayer_rggb8; jpeg compressed bgr8"
    decoded = decode_compressed_image(message(text, compressed(RAMPS, ".png")))
    np.testing.assert_array_equal(decoded, RAMPS)


def test_a_bayer_mosaic_of_odd_size_is_refused() -> None:
    data = compressed(RAMPS[:11, :, 0], ".png")
    with pytest.raises(ImageError, match="bayer_rggb8 image of 16 x 11 px: both must be even"):
        decode_compressed_image(message("bayer_rggb8; png compressed ", data))


def test_a_rotation_noted_by_the_camera_is_not_applied() -> None:
    decoded = decode_compressed_image(message("jpeg", with_exif("JPEG", 6)))
    assert decoded.shape == PHOTO.shape


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("16UC1; compressedDepth png", "is depth"),
        ("16UC1; compressedDepth", "is depth"),
        ("32FC1; compressedDepth rvl", "is depth"),
        ("16UC1; png compressed ", "is depth"),
        ("32FC1; tiff compressed ", "is depth"),
        ("16UC1", "is depth"),
        ("bgr9; png compressed bgr8", "'bgr9' is not one of"),
        ("; png compressed bgr8", "'' is not one of"),
        ("nv12; png compressed ", "a grey picture cannot be nv12"),
        ("yuv422; png compressed ", "a grey picture cannot be yuv422"),
    ],
)
def test_what_is_not_a_picture_despite_its_codec_is_refused_by_name(text: str, words: str) -> None:
    data = compressed(np.full((4, 6), 1500, np.uint16), ".png")
    assert decode_compressed_image(message("mono16; png", data)).any()
    with pytest.raises(ImageError) as refusal:
        decode_compressed_image(message(text, data))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8\xff\xe0 no jpeg", zero_filled(encoded("JPEG"), 0.5), encoded("PNG")[:-30]],
    ids=["nothing", "a header", "zeros", "cut"],
)
@pytest.mark.parametrize(
    "text", ["jpeg", "rgb8; jpeg compressed bgr8", "h264", "rgb8; qoi compressed"]
)
def test_broken_bytes_are_refused_with_format_and_length(
    text: str, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ImageError) as refusal:
        decode_compressed_image(message(text, data))
    assert str(refusal.value).startswith(f"{len(data)} bytes of format {text!r}: ")
    assert capfd.readouterr() == ("", "")


def test_a_long_format_is_not_logged_in_full_length() -> None:
    with pytest.raises(ImageError) as refusal:
        decode_compressed_image(message("x" * 100_000, b""))
    assert len(str(refusal.value)) < 200


def test_a_picture_above_the_limit_is_refused() -> None:
    with pytest.raises(ImageError, match="160 x 120 px are .* the limit is 0"):
        decode_compressed_image(message("jpeg", encoded("JPEG")), max_megapixels=0)


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
def test_the_case_of_a_jpeg_that_was_filled_with_zeros() -> None:
    folder = CASES / "jpeg_zero_filled"
    decode_compressed_image(message("jpeg", (folder / "whole.jpg").read_bytes()))
    with pytest.raises(ImageError, match="Premature end"):
        decode_compressed_image(message("jpeg", (folder / "zeros.jpg").read_bytes()))
