# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every encoding against an independent calculation, and every lie about sizes refused."""

import array
from types import SimpleNamespace

import numpy as np
import pytest

from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.image_decoding import ENCODINGS, decode_image
from psg_ros.pictures.image_error import ImageError

HEIGHT, WIDTH = 12, 16
PACKED = {"rgb": "rgb", "bgr": "bgr", "rgba": "rgba", "bgra": "bgra", "mono": "m"}
OPENCV_NAMES = {"8UC1": "m", "8UC3": "bgr", "8UC4": "bgra"}
PATTERNS = ("rggb", "bggr", "gbrg", "grbg")


def message(encoding, rows, width=WIDTH, height=HEIGHT, padding=0, big_endian=False):
    """Return a message whose rows (uint8 or uint16 [row, value]) carry `padding` bytes of noise."""
    order = ">" if big_endian else "<"
    raw = np.ascontiguousarray(rows).astype(f"{order}u{rows.itemsize}").view(np.uint8)
    raw = raw.reshape(len(rows), -1)
    noise = np.random.default_rng(7).integers(0, 256, (len(rows), padding), np.uint8)
    padded = np.hstack([raw, noise])
    return SimpleNamespace(
        encoding=encoding,
        height=height,
        width=width,
        step=padded.shape[1],
        is_bigendian=int(big_endian),
        data=array.array("B", padded.tobytes()),
    )


def smooth_rgb():
    """uint8 [height, width, 3] whose channels are different straight ramps."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    ramps = [40 + 4 * columns, 200 - 8 * rows, 60 + 2 * columns + 4 * rows]
    return np.stack(ramps, -1).astype(np.uint8)


def noisy(values, dtype):
    top = np.iinfo(dtype).max
    return np.random.default_rng(3).integers(0, top, (HEIGHT, WIDTH, values), dtype, endpoint=True)


def expected_from(pixels, order):
    """Pick red, green and blue by their letters and scale 16 bit to 8, in plain integers."""
    wanted = [order.index(letter) for letter in ("mmm" if order == "m" else "rgb")]
    chosen = pixels[:, :, wanted].astype(np.int64)
    return ((chosen * 255 + 32767) // 65535 if pixels.itemsize == 2 else chosen).astype(np.uint8)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "order"),
    [(f"{name}8", order) for name, order in PACKED.items()] + list(OPENCV_NAMES.items()),
)
def test_8_bit_encodings_pick_the_named_channels(encoding, order, padding):
    pixels = noisy(len(order), np.uint8)
    decoded = decode_image(message(encoding, pixels.reshape(HEIGHT, -1), padding=padding))
    assert decoded.dtype == np.uint8 and decoded.flags.c_contiguous
    assert np.array_equal(decoded, expected_from(pixels, order))


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("padding", [0, 6, 7])
@pytest.mark.parametrize(("name", "order"), PACKED.items())
def test_16_bit_encodings_scale_to_8_bit_in_both_byte_orders(name, order, padding, big_endian):
    pixels = noisy(len(order), np.uint16)
    encoded = message(
        f"{name}16", pixels.reshape(HEIGHT, -1), padding=padding, big_endian=big_endian
    )
    assert np.array_equal(decode_image(encoded), expected_from(pixels, order))


def mosaic(pixels, pattern):
    """[row, column]: each pixel keeps the channel its place in the 2 x 2 pattern names."""
    result = np.empty(pixels.shape[:2], pixels.dtype)
    for place, letter in enumerate(pattern):
        row, column = divmod(place, 2)
        result[row::2, column::2] = pixels[row::2, column::2, "rgb".index(letter)]
    return result


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_bayer_patterns_restore_a_picture_of_straight_ramps(pattern, bits, padding):
    picture = smooth_rgb()
    sensor = picture.astype(np.uint16) * 257 if bits == 16 else picture
    decoded = decode_image(
        message(f"bayer_{pattern}{bits}", mosaic(sensor, pattern), padding=padding)
    )
    inside = (slice(2, -2), slice(2, -2))
    difference = np.abs(decoded[inside].astype(int) - picture[inside])
    assert difference.max() <= 1  # between straight ramps, linear interpolation only rounds


def yuv_of(picture):
    """BT.601 limited range, float [height, width, 3], from the definition of the standard."""
    red, green, blue = np.moveaxis(picture / 255.0, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    blue_chroma, red_chroma = (blue - luma) / 1.772, (red - luma) / 1.402
    return np.stack([16 + 219 * luma, 128 + 224 * blue_chroma, 128 + 224 * red_chroma], -1)


def flat_pairs():
    """uint8 RGB picture, constant in blocks of 2 x 2 px so that subsampled chroma loses nothing."""
    small = np.random.default_rng(5).integers(30, 226, (HEIGHT // 2, WIDTH // 2, 3))
    return small.repeat(2, 0).repeat(2, 1).astype(np.uint8)


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize(
    ("encoding", "order"),
    [("yuyv", "yuyv"), ("yuv422_yuy2", "yuyv"), ("uyvy", "uyvy"), ("yuv422", "uyvy")],
)
def test_422_encodings_follow_bt601(encoding, order, padding):
    picture = flat_pairs()
    yuv = yuv_of(picture).round().astype(np.uint8)
    rows = np.empty((HEIGHT, WIDTH, 2), np.uint8)
    rows[:, :, order.index("y")] = yuv[:, :, 0]
    rows[:, 0::2, 1 - order.index("y")] = yuv[:, 0::2, 1]
    rows[:, 1::2, 1 - order.index("y")] = yuv[:, 0::2, 2]
    decoded = decode_image(message(encoding, rows.reshape(HEIGHT, -1), padding=padding))
    assert np.abs(decoded.astype(int) - picture).max() <= 3  # rounding of 8 bit YUV


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize(("encoding", "first"), [("nv12", 1), ("nv21", 2)])
def test_420_encodings_follow_bt601(encoding, first, padding):
    picture = flat_pairs()
    yuv = yuv_of(picture).round().astype(np.uint8)
    chroma = np.stack([yuv[::2, ::2, first], yuv[::2, ::2, 3 - first]], -1).reshape(-1, WIDTH)
    decoded = decode_image(message(encoding, np.vstack([yuv[:, :, 0], chroma]), padding=padding))
    assert np.abs(decoded.astype(int) - picture).max() <= 3


HOSTILE = ("x" * 1_000_000, "\x1b[2J\nERROR: all is lost\r\u202e\x00", "rgb8\ud800" * 50)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_sender_calls_its_image_stays_short_and_on_one_line(text):
    unknown = SimpleNamespace(encoding=text, width=1, height=1, step=3, data=b"abc")
    with pytest.raises(ImageError) as raw:
        decode_image(unknown)
    refusals = [str(raw.value)]
    for name in (text, f"{text}; compressedDepth"):
        with pytest.raises(ImageError) as compressed:
            decode_compressed_image(SimpleNamespace(format=name, data=b"abc"))
        refusals.append(str(compressed.value))
    for refusal in refusals:
        assert refusal.isprintable() and len(refusal) < 600


def test_the_table_above_covers_every_encoding():
    covered = {f"{n}{b}" for n in PACKED for b in (8, 16)} | set(OPENCV_NAMES)
    covered |= {f"bayer_{p}{b}" for p in PATTERNS for b in (8, 16)}
    covered |= {"yuyv", "yuv422_yuy2", "uyvy", "yuv422", "nv12", "nv21"}
    assert set(ENCODINGS) == covered


@pytest.mark.parametrize(
    "kind", [bytes, bytearray, memoryview, lambda raw: np.frombuffer(raw, np.uint8)]
)
def test_data_may_come_in_any_block_of_bytes(kind):
    pixels = noisy(3, np.uint8)
    for encoding in ("rgb8", "bgr8"):
        encoded = message(encoding, pixels.reshape(HEIGHT, -1))
        encoded.data = kind(encoded.data.tobytes())
        assert np.array_equal(decode_image(encoded), expected_from(pixels, encoding[:3]))


def test_rgb8_without_padding_is_not_copied():
    encoded = message("rgb8", noisy(3, np.uint8).reshape(HEIGHT, -1))
    decoded = decode_image(encoded)
    encoded.data[0] ^= 255
    assert decoded[0, 0, 0] == encoded.data[0]


def with_fields(**changes):
    encoded = message("bgr8", noisy(3, np.uint8).reshape(HEIGHT, -1))
    for name, value in changes.items():
        setattr(encoded, name, value)
    return encoded


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": array.array("B", bytes(HEIGHT * WIDTH * 3 - 1))}, ("bgr8", "576", "575")),
        ({"data": array.array("B")}, ("bgr8", "576", "holds 0")),
        ({"step": WIDTH * 3 - 1}, ("bgr8", "at least 48", "47")),
        ({"step": 0}, ("bgr8", "at least 48", "not 0")),
        ({"step": 2**32 - 1}, ("bgr8", str(12 * (2**32 - 1)), "576")),
        ({"width": 0}, ("0 x 12", "at least 1 x 1")),
        ({"height": 0}, ("16 x 0", "at least 1 x 1")),
        ({"width": 2**32 - 1, "height": 2**32 - 1}, ("4294967295 x 4294967295",)),
        ({"height": 2**32 - 1}, ("4294967295 rows of 48", "576")),
        ({"encoding": "yuyv", "width": 15, "step": 30}, ("yuyv", "multiples of (2, 1)")),
        ({"encoding": "nv12", "height": 11, "step": 16}, ("nv12", "multiples of (2, 2)")),
        ({"encoding": "bgr9"}, ("'bgr9'", "bgr8", "bayer_rggb8")),
        ({"encoding": "16UC1"}, ("16UC1", "REP 118", "mono16")),
        ({"encoding": "32FC1"}, ("32FC1", "REP 118")),
        ({"encoding": ""}, ("''", "is not one of")),
        ({"data": "text"}, ("str", "bytes")),
    ],
)
def test_a_message_that_lies_is_refused_with_both_numbers(changes, words):
    with pytest.raises(ImageError) as refusal:
        decode_image(with_fields(**changes))
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_random_messages_decode_or_are_refused_but_never_crash():
    rng = np.random.default_rng(11)
    for _ in range(3000):
        width, height, step = (int(n) for n in rng.integers(0, 40, 3))
        encoded = SimpleNamespace(
            encoding=rng.choice(ENCODINGS),
            width=width,
            height=height,
            step=step * 4,
            is_bigendian=int(rng.integers(0, 3)),
            data=rng.bytes(int(rng.integers(0, 4000))),
        )
        try:
            decoded = decode_image(encoded)
        except ImageError:
            continue
        assert decoded.shape == (height, width, 3) and decoded.dtype == np.uint8


def test_an_unknown_encoding_is_named_but_not_in_full_length():
    with pytest.raises(ImageError) as refusal:
        decode_image(with_fields(encoding="x" * 100_000))
    assert len(str(refusal.value)) < 1000


def test_an_image_above_the_limit_is_refused():
    pixels = np.zeros((1000, 1001), np.uint8)
    large = message("mono8", pixels, width=1001, height=1000)
    with pytest.raises(ImageError, match="1001 x 1000 px are 1.001 megapixels, the limit is 1 "):
        decode_image(large, max_megapixels=1)
    assert decode_image(large, max_megapixels=2).shape == (1000, 1001, 3)


@pytest.mark.parametrize("padding_px", [0, 2])
@pytest.mark.parametrize(
    ("encoding", "values"),
    [
        ("rgb8", 3), ("bgr8", 3), ("rgba8", 4), ("bgra8", 4), ("mono8", 1), ("bayer_rggb8", 1),
        ("yuv422", 2), ("yuv422_yuy2", 2),
    ],
)  # fmt: skip
def test_the_result_equals_cv_bridge_where_that_is_installed(encoding, values, padding_px):
    """Its reader takes a row for a whole number of pixels; our names yuyv, uyvy are not its."""
    cv_bridge = pytest.importorskip("cv_bridge")
    image_type = pytest.importorskip("sensor_msgs.msg").Image
    pixels = noisy(values, np.uint8).reshape(HEIGHT, -1)
    plain = message(encoding, pixels, padding=padding_px * values)
    theirs = cv_bridge.CvBridge().imgmsg_to_cv2(image_type(**vars(plain)), "rgb8")
    assert np.array_equal(decode_image(plain), theirs)
