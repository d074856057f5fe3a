# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Still images: one file, or a folder of them in the order a person would list them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from psg_ros.media.frame import Frame, Media
from psg_ros.ops.picture_file import read_image

IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm")
    + (".tif", ".tiff", ".webp")
)


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
