# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Still images: one file, or a folder of them in the order a person would list them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from psg_ros.media.frame import Frame, Media

IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm")
    + (".tif", ".tiff", ".webp")
)


def read_image(path: Path) -> np.ndarray:
    """Return an image file as uint8 [height, width, 3] RGB.

    Greyscale is repeated over the channels, transparency dropped, 16 bit scaled to 8, and the
    rotation of the EXIF tag applied.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no image, incomplete, or of a pixel type that has no 8 bit form.
    """
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, an image file was expected")
    content = np.frombuffer(Path(path).read_bytes(), np.uint8)
    image_bgr = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image_bgr is None:
        state = "is empty" if not content.size else "is no readable image, or incomplete"
        raise ValueError(f"{path} {state}; expected one of {', '.join(sorted(IMAGE_SUFFIXES))}")
    return cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)


def open_image(path: Path) -> Media:
    """Return one image file as media of one frame."""
    return Media("image", str(path), 1, 0.0, lambda: _read_all([path]))


def open_folder(folder: Path) -> Media:
    """Return the images directly inside a folder; `photo2` comes before `photo10`.

    Raises:
        ValueError: there is no image in it.
    """
    paths = [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
    if not paths:
        raise ValueError(f"{folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
    paths.sort(key=_natural_order)
    return Media("folder", str(folder), len(paths), 0.0, lambda: _read_all(paths))


def _read_all(paths: list[Path]) -> Iterator[Frame]:
    for index, path in enumerate(paths):
        yield Frame(read_image(path), index, 0.0, str(path))


def _natural_order(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: runs of digits compare as numbers, before any text, which ignores case."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part)) if part.isdecimal() else (1, part.lower()) for part in parts]
