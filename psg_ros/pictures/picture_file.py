# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files: what `encoded_picture` does with bytes, with errors that name the file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT, decode_samples, decode_upright
from psg_ros.pictures.image_error import ImageError


def read_image(path: Path, max_megapixels: int = DEFAULT_LIMIT) -> np.ndarray:
    """Return an image file as uint8 [height, width, 3] RGB, upright.

    Grey is repeated over the channels, transparency dropped, 16 bit scaled to 8, and the rotation
    applied that an EXIF tag or the container asks for.

    Raises:
        FileNotFoundError: no such file.
        ImageError: it holds no picture, an incomplete, damaged or too large one; names the file.
    """
    return read_with(partial(decode_upright, max_megapixels=max_megapixels), path)


def read_samples(path: Path) -> np.ndarray:
    """Return the stored pixels, see `decode_samples`; raises as `read_image`."""
    return read_with(decode_samples, path)


def read_with(decode: Callable[[bytes], np.ndarray], path: Path) -> np.ndarray:
    """Return what `decode` makes of the bytes of a file; raises as `read_image`."""
    path = Path(path)
    if path.is_dir():
        raise ImageError(f"{path} is a folder; expected an image file")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        return decode(path.read_bytes())
    except ImageError as error:
        raise ImageError(f"{path} is not a readable picture: {error}") from error
