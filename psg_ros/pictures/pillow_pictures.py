# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures through Pillow: all formats that we read but JPEG, and what the headers of all say."""

from __future__ import annotations

import ctypes
import io
import logging
import warnings
from typing import cast

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    _imaging,
)

from psg_ros.pictures.image_error import ImageError, check_megapixels

# Importing a plugin enters its format into Image.OPEN. These and no others are tried: of the rest
# some are hardly looked after, and one starts Ghostscript.
_PLUGINS = {
    "BMP": BmpImagePlugin,
    "GIF": GifImagePlugin,
    "JPEG2000": Jpeg2KImagePlugin,
    "JPEG": JpegImagePlugin,
    "PNG": PngImagePlugin,
    "PPM": PpmImagePlugin,
    "TIFF": TiffImagePlugin,
    "WEBP": WebPImagePlugin,
}
try:
    from PIL import AvifImagePlugin
except ImportError:  # Pillow before 11.3
    pass
else:
    _PLUGINS["AVIF"] = AvifImagePlugin

ORIENTATION_TAG = 0x0112
MAX_INT = 1 << 60

# What it warns of is either no matter (odd metadata) or about to become an ImageError.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


def _silence_libtiff() -> None:
    """Keep libtiff from printing errors; Pillow raises them, but turns off the warnings only."""
    # Looked up from Pillow's own module, so that it is the copy that Pillow uses.
    set_handler = getattr(ctypes.CDLL(_imaging.__file__), "TIFFSetErrorHandler", None)
    if set_handler is not None:
        set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
        set_handler(None)


_silence_libtiff()

_STRIPE_PX = 1 << 22
"""Pixels that are copied out of Pillow at a time; it makes two more copies of what it is asked."""


def decode_with_pillow(content: bytes, max_megapixels: int) -> tuple[np.ndarray, int]:
    """Return the first picture of a file, and how it must still be turned (see `orientation_of`).

    Returns:
        uint8 [height, width, 3] RGB; or [height, width] of a grey picture, uint8 or, where it has
        16 bit, uint16. Transparency is dropped; colours of 16 bit lose their lower half.

    Raises:
        ImageError: no picture of a known format, damaged, too large, or of a type of pixel that
            has no form of 16 bit.
    """
    image = _open(content, max_megapixels)
    kind = image.format
    try:
        image.load()
        return _to_array(_plain(image)), _orientation(image)
    except ImageError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file makes Pillow raise anything
        raise ImageError(f"damaged or incomplete {kind}: {_first_line(error)}") from error


def orientation_of(content: bytes) -> int:
    """Return how the stored pixels must be turned to be upright: 1 (not at all) to 8, as in EXIF.

    1 also where the file does not say, cannot be read, or is a TIFF, which Pillow turns itself.
    """
    try:
        image = _open(content, max_megapixels=MAX_INT)
    except ImageError:
        return 1
    return 1 if image.format == "TIFF" else _orientation(image)


def _open(content: bytes, max_megapixels: int) -> Image.Image:
    """Read the header only. Not `Image.open`, which has a limit of its own, for the process."""
    prefix = content[:16].ljust(16, b"\0")
    for name in _PLUGINS:
        factory, accept = Image.OPEN[name]
        if accept is None or accept(prefix) is not True:
            continue
        try:
            image = factory(io.BytesIO(content), "")
        except Exception as error:  # noqa: BLE001 - a damaged header makes Pillow raise anything
            raise ImageError(f"damaged or incomplete {name}: {_first_line(error)}") from error
        check_megapixels(image.width, image.height, max_megapixels)
        return image
    raise ImageError("no picture of a known format")


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - damaged notes do no harm to the picture
        return 1
    return value if value in range(1, 9) else 1


def _plain(image: Image.Image) -> Image.Image:
    """Return the image in a mode that numpy knows: grey of 8 or 16 bit, or RGB."""
    if image.mode in ("1", "LA", "La"):
        return image.convert("L")
    if image.mode in ("P", "PA", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"):
        return image.convert("RGB")
    if image.mode == "I":  # 32 bit, but also how some formats give their 16
        low, high = cast("tuple[int, int]", image.getextrema())
        if low < 0 or high > 65535:
            raise ImageError(f"values from {low} to {high} do not fit 16-bit grey")
    elif image.mode not in ("L", "RGB", "I;16", "I;16L", "I;16B"):
        raise ImageError(f"pixels of type {image.mode!r} are neither grey nor colours")
    return image


def _to_array(image: Image.Image) -> np.ndarray:
    width, height = image.size
    is_deep = image.mode.startswith("I")
    shape = (height, width, 3) if image.mode == "RGB" else (height, width)
    pixels = np.empty(shape, np.uint16 if is_deep else np.uint8)
    rows = max(1, _STRIPE_PX // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        part = image if rows >= height else image.crop((0, top, width, bottom))
        pixels[top:bottom] = np.asarray(part)
    return pixels


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
