# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes of every format become pixels or one ImageError, in silence."""

from __future__ import annotations

import array
import io
import resource
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from picture_bytes import (
    PHOTO,
    RGB_FORMATS,
    encoded,
    png_chunks,
    png_of,
    with_exif,
    zero_filled,
    zeros_png,
)
from PIL import Image, ImageOps

from psg_ros.pictures.encoded_picture import as_rgb, decode_samples, decode_upright
from psg_ros.pictures.image_error import ImageError

LOSSLESS = ("PNG", "BMP", "TIFF", "PPM")
GREY = PHOTO[..., 0]
CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.parametrize("name", RGB_FORMATS)
def test_every_format_keeps_its_colours(name: str) -> None:
    pixels = decode_samples(encoded(name))
    assert (pixels.dtype, pixels.shape, pixels.flags.c_contiguous) == (np.uint8, PHOTO.shape, True)
    error = np.abs(pixels.astype(int) - PHOTO).mean()
    assert error == 0 if name in LOSSLESS else error < 12


@pytest.mark.parametrize("name", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_grey_of_16_bit_keeps_all_of_them(name: str) -> None:
    deep = GREY.astype(np.uint16) * 257 + 3
    np.testing.assert_array_equal(decode_samples(encoded(name, deep)), deep)
    np.testing.assert_array_equal(as_rgb(deep), np.repeat(GREY[..., None], 3, axis=2))


def test_colours_of_16_bit_lose_their_lower_half() -> None:
    deep = PHOTO.astype(np.uint16) * 257
    for suffix in (".png", ".tiff"):
        content = cv2.imencode(suffix, deep[..., ::-1])[1].tobytes()
        np.testing.assert_array_equal(decode_samples(content), PHOTO)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_transparency_palettes_and_single_bits_become_grey_or_rgb(mode: str) -> None:
    image = Image.fromarray(PHOTO).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(7)
    pixels = as_rgb(decode_samples(encoded("PNG", image)))
    np.testing.assert_array_equal(pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "array", "numpy"])
def test_any_block_of_bytes_will_do(kind: object) -> None:
    content = encoded("JPEG")
    made = {"array": lambda c: array.array("B", c), "numpy": lambda c: np.frombuffer(c, np.uint8)}
    given = made.get(kind, kind)(content)  # type: ignore[operator]
    np.testing.assert_array_equal(decode_samples(given), decode_samples(content))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_rotation_that_a_file_asks_for_is_applied(name: str, orientation: int) -> None:
    stored = Image.open(io.BytesIO(with_exif("PNG", orientation)))
    expected = np.asarray(ImageOps.exif_transpose(stored))
    turned = decode_upright(with_exif(name, orientation))
    assert turned.shape == expected.shape
    assert np.abs(turned.astype(int) - expected).mean() < 12
    if name != "TIFF":  # which its reader turns
        assert decode_samples(with_exif(name, orientation)).shape == PHOTO.shape


@pytest.mark.parametrize("name", [*RGB_FORMATS, "GIF"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_part_of_a_picture_is_refused(
    name: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = encoded(name) if name != "GIF" else encoded("GIF", GREY)
    with pytest.raises(ImageError):
        decode_samples(whole[: int(len(whole) * share)])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_zeros_in_place_of_the_rest_are_refused(name: str) -> None:
    with pytest.raises(ImageError):
        decode_samples(zero_filled(encoded(name), 0.6))


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\xff\xd8", b"\xff\xd8\xff\xe0 no jpeg", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_not_a_picture_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError):
        decode_samples(content)


def test_pixels_without_a_form_of_16_bit_are_refused() -> None:
    content = encoded("TIFF", np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8))
    with pytest.raises(ImageError, match="neither grey nor colours"):
        decode_samples(content)
    content = encoded("TIFF", np.arange(48, dtype=np.int32).reshape(6, 8) * 10_000)
    with pytest.raises(ImageError, match="do not fit 16-bit grey"):
        decode_samples(content)


def test_damage_with_right_checksums_is_refused_in_silence(
    capfd: pytest.CaptureFixture[str],
) -> None:
    chunks = list(png_chunks(encoded("PNG")))
    damaged = [(kind, data[: len(data) // 2] if kind == b"IDAT" else data) for kind, data in chunks]
    with pytest.raises(ImageError, match="PNG"):
        decode_samples(png_of(*damaged))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM"])
def test_the_size_is_read_before_the_pixels(name: str) -> None:
    content = encoded(name, np.zeros((1001, 1000), np.uint8))
    with pytest.raises(ImageError, match=r"1000 x 1001 px are 1.001 megapixels, the limit is 1 "):
        decode_samples(content, max_megapixels=1)
    assert decode_samples(content, max_megapixels=2).shape[:2] == (1001, 1000)


def test_a_bomb_costs_neither_time_nor_memory() -> None:
    bomb = zeros_png(13_000, 13_000)
    assert len(bomb) < 200_000
    before_kb, start_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ImageError, match="13000 x 13000 px are 169 megapixels, the limit is 160"):
        decode_samples(bomb)
    assert time.process_time() - start_s < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_too_little_memory_is_an_image_error() -> None:
    """In a process of its own, because the limit cannot be lifted again."""
    code = (
        "import resource, sys; from psg_ros.pictures.encoded_picture import decode_samples\n"
        "from psg_ros.pictures.image_error import ImageError\n"
        "content, pages = sys.stdin.buffer.read(), open('/proc/self/statm').read().split()[0]\n"
        "most = int(pages) * resource.getpagesize() + (20 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        "try: decode_samples(content)\n"
        "except ImageError as error: print('refused:', error)"
    )
    for content in (zeros_png(6000, 6000), encoded("JPEG", np.zeros((6000, 6000), np.uint8))):
        done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True)
        assert (done.returncode, done.stdout[:8]) == (0, b"refused:"), done


SMALL = PHOTO[:24, :32]
VARIANTS = {name: encoded(name, SMALL) for name in RGB_FORMATS} | {
    "GIF": encoded("GIF", SMALL[..., 0]),
    "lossless WebP": encoded("WEBP", SMALL, lossless=True),
    "palette PNG": encoded("PNG", Image.fromarray(SMALL).convert("P")),
    "LZW in TIFF": encoded("TIFF", SMALL, compression="tiff_lzw"),
    "deflate in TIFF": encoded("TIFF", SMALL, compression="tiff_adobe_deflate"),
    "JPEG in TIFF": encoded("TIFF", SMALL, compression="jpeg"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_mutated_pictures_decode_or_are_refused_in_silence(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(1)
    whole = VARIANTS[name]
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(int(rng.integers(1, 6))):
            content[int(rng.integers(len(content)))] = int(rng.integers(256))
        try:
            decode_upright(bytes(content))
        except ImageError:
            continue
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
def test_the_case_of_a_map_that_claims_to_be_huge() -> None:
    with pytest.raises(ImageError, match="megapixels, the limit is 160"):
        decode_samples((CASES / "picture_claims_to_be_huge/map.png").read_bytes())
