# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An image into the network input: scaled to fit, top-left, zeros to the right and below."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Placement:
    """Where an image lies in the network input; all sizes (height, width) in px.

    Attributes:
        image_hw: the source image.
        content_hw: the scaled image, in the top-left corner of the input.
        input_hw: the whole network input, padding included.
    """

    image_hw: tuple[int, int]
    content_hw: tuple[int, int]
    input_hw: tuple[int, int]


def place(image_hw: tuple[int, int], input_hw: tuple[int, int]) -> Placement:
    """Return the largest placement of the same aspect ratio; sides are rounded, at least 1 px."""
    factor = min(whole / part for whole, part in zip(input_hw, image_hw, strict=True))
    height, width = (
        min(whole, max(1, int(part * factor + 0.5)))
        for whole, part in zip(input_hw, image_hw, strict=True)
    )
    return Placement(image_hw, (height, width), input_hw)


def check_image(image: np.ndarray) -> None:
    """Raise ValueError unless `image` is uint8 [height, width, 3] with at least one pixel."""
    fits = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3
    if not (fits and image.shape[2] == 3 and image.size):
        found = (
            f"{image.dtype} {list(image.shape)}"
            if isinstance(image, np.ndarray)
            else type(image).__name__
        )
        raise ValueError(
            f"the image must be a non-empty RGB array uint8 [height, width, 3], not {found}"
        )


def write_content(image_rgb: np.ndarray, content: np.ndarray) -> None:
    """Scale `image_rgb` uint8 [h, w, 3] into `content` uint8 [H, W, 3], in place.

    Shrinking averages areas (linear sampling would alias), enlarging is bilinear.
    `content` may be a window of a larger array.
    """
    height, width = content.shape[:2]
    if image_rgb.shape == content.shape:
        np.copyto(content, image_rgb)
        return
    shrinks = height < image_rgb.shape[0] or width < image_rgb.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    cv2.resize(image_rgb, (width, height), dst=content, interpolation=interpolation)


def resize_nearest(
    label_map: np.ndarray, out_hw: tuple[int, int], extent_hw: tuple[float, float]
) -> np.ndarray:
    """Bring an integer map [h, w] to `out_hw` by nearest neighbour, pixel centres aligned.

    Args:
        extent_hw: the part of the map, from its top-left corner, that fills the output; may end
            inside an element. Returns the map itself when nothing changes.
    """
    if label_map.shape == out_hw == extent_hw:
        return label_map
    rows, cols = (
        ((np.arange(size) + 0.5) * (extent / size)).astype(np.intp)
        for size, extent in zip(out_hw, extent_hw, strict=True)
    )
    return label_map.take(cols, axis=1).take(rows, axis=0)
