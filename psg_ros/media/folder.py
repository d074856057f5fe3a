# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Still images: one file, or a folder of them in the order a person would list them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from psg_ros.media.frame import Media, MediaFrame, OnUnreadable
from psg_ros.media.kinds import identify
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.picture_file import read_image


def open_image(path: Path, max_megapixels: int = DEFAULT_LIMIT) -> Media:
    """Return one image file as media of one frame."""

    def frames(on_unreadable: OnUnreadable | None = None) -> Iterator[MediaFrame]:
        yield _still(read_image(path, max_megapixels), 0, path)

    return Media("image", str(path), 1, 0.0, frames)


def open_folder(folder: Path, max_megapixels: int = DEFAULT_LIMIT) -> Media:
    """Return the images directly inside a folder; `photo2` comes before `photo10`.

    Other files there are named in `Media.left_out`, but for hidden ones (`.name`).

    Raises:
        ValueError: there is no image in it.
    """
    images, left_out = [], []
    for path in sorted(folder.iterdir(), key=_natural_order):
        if path.name.startswith(".") or not path.is_file():
            continue
        reason = _no_picture(path)
        if reason:
            left_out.append(f"{path.name} ({reason})")
        else:
            images.append(path)
    if not images:
        there = f"; what is there: {shortened(left_out)}" if left_out else ""
        raise ValueError(f"{folder} holds no picture{there}")

    def frames(on_unreadable: OnUnreadable | None = None) -> Iterator[MediaFrame]:
        return _read_all(images, max_megapixels, on_unreadable)

    return Media("folder", str(folder), len(images), 0.0, frames, tuple(left_out))


def shortened(entries: Sequence[str], shown: int = 3) -> str:
    """Return the first few entries in one line, and how many more there are."""
    more = f" and {len(entries) - shown} more" if len(entries) > shown else ""
    return ", ".join(entries[:shown]) + more


def _no_picture(path: Path) -> str:
    """Return why a file is not among the pictures of its folder; empty where it is."""
    try:
        kind = identify(path)
    except OSError as error:
        return error.strerror or "unreadable"
    except ValueError:
        return "empty"
    if kind is None:
        return "unknown content"
    return "" if kind.family == "picture" else kind.name


def _read_all(
    paths: list[Path], max_megapixels: int, on_unreadable: OnUnreadable | None
) -> Iterator[MediaFrame]:
    for index, path in enumerate(paths):
        try:
            image_rgb = read_image(path, max_megapixels)
        except (OSError, ValueError) as error:
            if on_unreadable is None:
                raise
            on_unreadable(str(error))
            continue
        yield _still(image_rgb, index, path)


def _still(image_rgb: np.ndarray, index: int, path: Path) -> MediaFrame:
    """Return a frame without a stamp: the pictures of a folder need not follow on each other."""
    return MediaFrame(image_rgb, index=index, time_s=0.0, name=str(path))


def _natural_order(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: runs of digits compare as numbers, before any text, which ignores case."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part)) if part.isdecimal() else (1, part.lower()) for part in parts]
