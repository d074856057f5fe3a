# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An image into the network input: scaled to fit, top-left, one colour to the right and below.

Four recipes say how; the manifest of a model names the one it was made with. The colour is black
unless said otherwise.
    area          averages areas when it shrinks, bilinear when it enlarges; sides rounded half up
    eomt          antialiased bilinear; sides rounded half to even (EoMT's own evaluation)
    transformers  antialiased bilinear; the short side is rounded, the long one follows from it and
                  is cut off, so that it may miss the input's side by 1 px (EomtImageProcessor)
    lightly_train  as eomt, but padded after normalisation: with the mean colour of ImageNet
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from psg_ros.robot.ops.resample import resize_antialiased


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


def place(image_hw: tuple[int, int], input_hw: tuple[int, int], scaling: str = "area") -> Placement:
    """Return the largest placement of the same aspect ratio; sides are rounded, at least 1 px.

    Args:
        scaling: recipe, see above; they differ in how they round.
    """
    if scaling == "transformers":
        sides = _transformers_sides(image_hw, min(input_hw))
    else:
        factor = min(whole / part for whole, part in zip(input_hw, image_hw, strict=True))
        nearest = _ROUNDINGS[scaling]
        sides = (nearest(image_hw[0] * factor), nearest(image_hw[1] * factor))
    height, width = (min(whole, max(1, side)) for whole, side in zip(input_hw, sides, strict=True))
    return Placement(image_hw, (height, width), input_hw)


def _round_half_up(number: float) -> int:
    return int(number + 0.5)


_ROUNDINGS: dict[str, Callable[[float], int]] = {
    "area": _round_half_up, "eomt": round, "lightly_train": round,
}  # fmt: skip
IMAGENET_MEAN_RGB = (124, 116, 104)
"""Nearest bytes to 255 times (0.485, 0.456, 0.406)."""


def padding_rgb(scaling: str) -> tuple[int, int, int]:
    """Return the colour beside an image in the network input, 0..255."""
    return IMAGENET_MEAN_RGB if scaling == "lightly_train" else (0, 0, 0)


def _transformers_sides(image_hw: tuple[int, int], size: int) -> tuple[int, int]:
    """Return the sides that `EomtImageProcessor` of transformers asks for, in a square input.

    The order of the operations matters: 640 * 427 / 640 * 640 / 427 may end just below 640.
    It leaves an image alone whose short side already fits, even one 1 px too long.
    """
    short, long = min(image_hw), max(image_hw)
    wanted = size * short / long
    if round(wanted) == short:
        return image_hw
    sides = round(wanted), int(wanted * long / short)
    return sides if image_hw[0] < image_hw[1] else sides[::-1]


def write_content(image_rgb: np.ndarray, content: np.ndarray, scaling: str = "area") -> None:
    """Scale `image_rgb` uint8 [h, w, 3] into `content` uint8 [H, W, 3], in place.

    Args:
        content: may be a window of a larger array.
        scaling: recipe, see above; none shrinks by mere sampling, which would alias.
    """
    height, width = content.shape[:2]
    if image_rgb.shape == content.shape:
        np.copyto(content, image_rgb)
        return
    if scaling != "area":
        np.copyto(content, resize_antialiased(image_rgb, (height, width)))
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
