# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth messages to metres: unit by encoding, what is no distance, what is refused."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from rvl_encoder import encode_rvl

from psg_ros.pictures.depth_image import decode_compressed_depth, decode_depth
from psg_ros.pictures.image_error import ImageError

METRES = np.array([[0.5, 1.25, 2.0], [3.0, 4.5, 9.999]], np.float32)
NAN = np.nan


def image(values, named, padding=0, big=False, **changes):
    """Return what looks like a sensor_msgs/Image."""
    values = values.astype(values.dtype.newbyteorder(">" if big else "<"))
    rows = [row.tobytes() + b"\xff" * padding for row in values]
    height, width = values.shape
    fields = {
        "height": height, "width": width, "encoding": named, "is_bigendian": big,
        "step": width * values.itemsize + padding, "data": b"".join(rows),
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


def compressed(values, format, first=0.0, second=0.0, kind=0):
    """Return what looks like a CompressedImage of compressed_depth_image_transport."""
    png = cv2.imencode(".png", values)[1].tobytes()
    return SimpleNamespace(format=format, data=struct.pack("<iff", kind, first, second) + png)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("padding", [0, 6])
def test_floats_are_metres(padding, big):
    depth = decode_depth(image(METRES, "32FC1", padding, big))
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, METRES)


@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
@pytest.mark.parametrize("big", [False, True])
def test_integers_are_millimetres(encoding, big):
    values = np.round(METRES * 1000).astype(np.uint16)
    np.testing.assert_allclose(decode_depth(image(values, encoding, big=big)), METRES, atol=1e-6)


def test_what_is_no_distance_is_nan():
    values = np.array([[0.0, -1.0, NAN, np.inf, -np.inf, 2.0]], np.float32)
    expected = np.array([[NAN, NAN, NAN, NAN, NAN, 2.0]], np.float32)
    np.testing.assert_array_equal(decode_depth(image(values, "32FC1")), expected)
    values = np.array([[0, 2000]], np.uint16)
    np.testing.assert_array_equal(decode_depth(image(values, "16UC1")), [[NAN, 2.0]])


def test_the_message_is_left_alone():
    message = image(np.zeros((2, 3), np.float32), "32FC1")
    message.data = bytearray(message.data)
    before = bytes(message.data)
    decode_depth(message)
    assert bytes(message.data) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoding": "rgb8"}, "'rgb8' is no depth: expected 32FC1"),
        ({"encoding": "64FC1"}, "is no depth"),
        ({"width": 0}, "expected at least 1 x 1 px"),
        ({"step": 11}, "expected a step of at least 12, not 11"),
        ({"data": b"\0" * 23}, "expected 2 rows of 12 bytes = 24, but data holds 23"),
        ({"data": b""}, "data holds 0"),
        ({"height": 10**9, "step": 0}, "expected a step"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_with_both(changes, words):
    with pytest.raises(ImageError, match=words):
        decode_depth(image(METRES, "32FC1", **changes))


def test_too_large_is_refused():
    with pytest.raises(ImageError, match="the limit is 1 "):
        decode_depth(image(np.ones((1001, 1000), np.uint16), "16UC1"), max_megapixels=1)


@pytest.mark.parametrize(
    "format", ["16UC1; compressedDepth png", "16UC1; compressedDepth", "16UC1;compresseddepth png"]
)
def test_compressed_millimetres(format):
    values = np.round(METRES * 1000).astype(np.uint16)
    values[0, 0] = 0
    expected = METRES.copy()
    expected[0, 0] = NAN
    np.testing.assert_allclose(decode_compressed_depth(compressed(values, format)), expected)


def test_compressed_floats_are_quantised_in_inverse_depth():
    """As compressed_depth_image_transport does it with its defaults: 100 m and 10 m."""
    quantisation, longest = 100.0, 10.0
    first = quantisation * (quantisation + 1)
    second = 1 - first / longest
    stored = np.where(longest > METRES, first / METRES + second, 0).astype(np.uint16)
    stored[0, 1] = 0  # what is not measured
    message = compressed(stored, "32FC1; compressedDepth png", first, second)
    depth = decode_compressed_depth(message)
    expected = METRES.copy()
    expected[0, 1] = NAN
    np.testing.assert_allclose(depth, expected, rtol=2e-3)


PNG = np.ones((2, 3), np.uint16)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (compressed(PNG, "rgb8; jpeg compressed bgr8"), "expected '16UC1; compressedDepth png'"),
        (compressed(PNG, ""), "expected '16UC1"),
        (compressed(PNG, "16UC1; compressedDepth rvl"), "rvl.: .* the limit is"),
        (compressed(PNG.astype(np.uint8), "16UC1; compressedDepth png"), "a grey PNG of 16 bit"),
        (SimpleNamespace(format="16UC1; compressedDepth png", data=b"12"), "a header of 12 bytes"),
        (SimpleNamespace(format="16UC1; compressedDepth png", data=b"x" * 40), "40 bytes of"),
    ],
)
def test_other_formats_and_damage_are_refused_by_name(message, words):
    with pytest.raises(ImageError, match=words):
        decode_compressed_depth(message)


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_rvl_gives_what_png_gives(encoding):
    stored = np.round(METRES * 1000).astype(np.uint16)
    stored[0, 1] = 0
    png = compressed(stored, f"{encoding}; compressedDepth png", 100.0, 0.5)
    rvl = compressed(stored, f"{encoding}; compressedDepth rvl", 100.0, 0.5)
    rvl.data = png.data[:12] + encode_rvl(stored)
    np.testing.assert_array_equal(decode_compressed_depth(rvl), decode_compressed_depth(png))


def test_numbers_in_the_header_that_make_no_sense_measure_nothing():
    message = compressed(PNG, "32FC1; compressedDepth png", NAN, NAN)
    assert np.isnan(decode_compressed_depth(message)).all()
    message = compressed(PNG, "32FC1; compressedDepth png", 1.0, 1.0)  # 1 / 0
    assert np.isnan(decode_compressed_depth(message)).all()
