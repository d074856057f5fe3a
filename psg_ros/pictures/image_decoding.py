# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image messages to RGB arrays, without cv_bridge and without rclpy.

Works on anything with the fields of sensor_msgs/Image; `data` may be an array.array, bytes, a
memoryview or a numpy array. What the encodings mean:

    rgb8 bgr8 rgba8 bgra8 mono8            as named; alpha is dropped, grey is repeated
    rgb16 bgr16 rgba16 bgra16 mono16       scaled to 8 bit by 255 / 65535, rounded; both byte orders
    8UC1 8UC3 8UC4                         grey, BGR and BGRA: the order OpenCV gives such matrices
    yuyv yuv422_yuy2, uyvy yuv422          4:2:2, BT.601 limited range; both names of each order
    nv12 nv21                              4:2:0 in two planes of one step, BT.601 limited range
    bayer_{rggb,bggr,gbrg,grbg}{8,16}      bilinear demosaicing

16UC1 and 32FC1 are refused on purpose: REP 118 gives them to depth images, and a scene graph of a
depth image would look like a result. A camera with 16 bit intensities says mono16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.image_error import ImageError, check_megapixels
from psg_ros.quoting import quoted

DEPTH_ENCODINGS = ("16UC1", "32FC1")

Convert = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Layout:
    """How the bytes of one encoding lie.

    Attributes:
        channels: values per pixel of a row.
        item_bytes: bytes of a value.
        convert: [row, width, channels] in the machine's byte order -> uint8 [height, width, 3] RGB.
        row_halves: rows of data per image row, in halves (3 where a chroma plane follows).
        even: width and height must be multiples of these.
    """

    channels: int
    item_bytes: int
    convert: Convert
    row_halves: int = 2
    even: tuple[int, int] = (1, 1)


def decode_image(message: Any, max_megapixels: int = DEFAULT_LIMIT) -> np.ndarray:
    """Return the picture in an Image message.

    Returns:
        uint8 [height, width, 3] RGB, C-contiguous. For rgb8 rows without padding this is a view of
        the message's own memory: read it, do not write it.

    Raises:
        ImageError: unknown encoding, sizes that do not fit each other (names both), or too large.
    """
    layout = _LAYOUTS.get(message.encoding)
    if layout is None:
        raise ImageError(unknown_encoding(message.encoding))
    data, rows = _checked(message, layout, max_megapixels)
    order = ">" if message.is_bigendian and layout.item_bytes > 1 else "="
    pixels = np.ndarray(
        (rows, message.width, layout.channels),
        np.dtype(f"{order}u{layout.item_bytes}"),
        buffer=data,
        strides=(message.step, layout.channels * layout.item_bytes, layout.item_bytes),
    )
    native = np.ascontiguousarray(pixels, dtype=f"=u{layout.item_bytes}")
    return np.ascontiguousarray(layout.convert(native))


RAW_NAMES = {
    "8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8", "yuv422_yuy2": "yuyv", "yuv422": "uyvy",
}  # fmt: skip
"""Other names of encodings -> those of `RawPicture`."""

LEAST_MOSAIC_PX = 4
"""A smaller mosaic has no pixel with neighbours on all sides."""


def raw_picture(message: Any, max_megapixels: int = DEFAULT_LIMIT) -> RawPicture | None:
    """Return an Image message as it is, without a copy; None unless it is of 8 bit.

    Raises:
        ImageError: as `decode_image`.
    """
    layout = _LAYOUTS.get(message.encoding)
    if layout is None:
        raise ImageError(unknown_encoding(message.encoding))
    data, rows = _checked(message, layout, max_megapixels)
    is_tiny = min(message.width, message.height) < LEAST_MOSAIC_PX
    if layout.item_bytes > 1 or (is_tiny and message.encoding.startswith("bayer")):
        return None
    encoding = RAW_NAMES.get(message.encoding, message.encoding)
    size = (message.height, message.width)
    return RawPicture(data[: rows * message.step], encoding, size, message.step)


def as_bytes(data: Any) -> np.ndarray:
    """Return a message's data as uint8 [byte], without a copy; ImageError if it is not bytes."""
    try:
        return np.frombuffer(data, np.uint8)
    except (ValueError, TypeError) as error:
        raise ImageError(f"data of type {type(data).__name__} is not one block of bytes") from error


def decode_mosaic(samples: np.ndarray, encoding: str) -> np.ndarray:
    """Return a Bayer mosaic as uint8 [height, width, 3] RGB.

    Args:
        samples: uint8 or uint16 [height, width], one colour a pixel.
        encoding: a name with `bayer_`; whether it ends in 8 or 16 the samples know better.

    Raises:
        ImageError: width or height is odd.
    """
    height, width = samples.shape
    if height % 2 or width % 2:
        raise ImageError(f"{encoding} image of {width} x {height} px: both must be even")
    name = encoding.rstrip("0123456789") + str(8 * samples.itemsize)
    return _LAYOUTS[name].convert(samples)


def unknown_encoding(encoding: str) -> str:
    """Return what to say of an encoding that is none of `ENCODINGS`."""
    hint = ""
    if encoding in DEPTH_ENCODINGS:
        hint = f"; {encoding} is depth by REP 118, intensities of 16 bit are called mono16"
    return f"encoding {quoted(encoding)} is not one of {' '.join(sorted(_LAYOUTS))}{hint}"


def _checked(message: Any, layout: _Layout, max_megapixels: int) -> tuple[np.ndarray, int]:
    """Return the bytes of a message and its number of rows; ImageError if they do not fit."""
    data = as_bytes(message.data)
    rows = message.height * layout.row_halves // 2
    _check_sizes(message, layout, rows, len(data))
    check_megapixels(message.width, message.height, max_megapixels)
    return data, rows


def _check_sizes(message: Any, layout: _Layout, rows: int, num_bytes: int) -> None:
    what = f"{message.encoding} image of {message.width} x {message.height} px"
    if message.width < 1 or message.height < 1:
        raise ImageError(f"{what}: expected at least 1 x 1 px")
    if message.width % layout.even[0] or message.height % layout.even[1]:
        raise ImageError(f"{what}: width and height must be multiples of {layout.even}")
    row_bytes = message.width * layout.channels * layout.item_bytes
    if message.step < row_bytes:
        raise ImageError(f"{what}: expected a step of at least {row_bytes}, not {message.step}")
    if message.step * rows > num_bytes:
        raise ImageError(
            f"{what}: expected {rows} rows of {message.step} bytes = {message.step * rows}, "
            f"but data holds {num_bytes}"
        )


def _same(image: np.ndarray) -> np.ndarray:
    return image


def _recolor(code: int) -> Convert:
    return lambda image: cv2.cvtColor(image, code)


def _narrow(image: np.ndarray) -> np.ndarray:
    """uint16 -> uint8 of the same shape, 65535 becoming 255."""
    return cv2.convertScaleAbs(image, alpha=255 / 65535).reshape(image.shape)


def _narrow_then(convert: Convert) -> Convert:
    return lambda image: convert(_narrow(image))


def _then_narrow(convert: Convert) -> Convert:
    # Demosaicing averages neighbours, so the rounding to 8 bit comes last.
    return lambda image: _narrow(convert(image))


def _packed(channels: int, code: int | None) -> dict[int, _Layout]:
    """Return the layouts of one channel order for 1 and 2 bytes a value."""
    convert = _same if code is None else _recolor(code)
    return {1: _Layout(channels, 1, convert), 2: _Layout(channels, 2, _narrow_then(convert))}


def _bayer(code: int) -> dict[int, _Layout]:
    return {
        1: _Layout(1, 1, _recolor(code), even=(2, 2)),
        2: _Layout(1, 2, _then_narrow(_recolor(code)), even=(2, 2)),
    }


def _layouts() -> dict[str, _Layout]:
    mono, rgb = _packed(1, cv2.COLOR_GRAY2RGB), _packed(3, None)
    bgr, bgra = _packed(3, cv2.COLOR_BGR2RGB), _packed(4, cv2.COLOR_BGRA2RGB)
    rgba = _packed(4, cv2.COLOR_RGBA2RGB)
    yuyv = _Layout(2, 1, _recolor(cv2.COLOR_YUV2RGB_YUY2), even=(2, 1))
    uyvy = _Layout(2, 1, _recolor(cv2.COLOR_YUV2RGB_UYVY), even=(2, 1))
    table = {"8UC1": mono[1], "8UC3": bgr[1], "8UC4": bgra[1]}
    table |= {"yuyv": yuyv, "yuv422_yuy2": yuyv, "uyvy": uyvy, "yuv422": uyvy}
    for name, code in (("nv12", cv2.COLOR_YUV2RGB_NV12), ("nv21", cv2.COLOR_YUV2RGB_NV21)):
        table[name] = _Layout(1, 1, _recolor(code), row_halves=3, even=(2, 2))
    for name, pair in (("rgb", rgb), ("bgr", bgr), ("rgba", rgba), ("bgra", bgra), ("mono", mono)):
        table |= {f"{name}8": pair[1], f"{name}16": pair[2]}
    # OpenCV names a Bayer pattern by its second row from the second column on, ROS by the first.
    for name, code in (
        ("rggb", cv2.COLOR_BayerBG2RGB),
        ("bggr", cv2.COLOR_BayerRG2RGB),
        ("gbrg", cv2.COLOR_BayerGR2RGB),
        ("grbg", cv2.COLOR_BayerGB2RGB),
    ):
        table |= {f"bayer_{name}{8 * size}": layout for size, layout in _bayer(code).items()}
    return table


_LAYOUTS = _layouts()
ENCODINGS = tuple(sorted(_LAYOUTS))
"""Every encoding that `decode_image` takes."""
