# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An image into the input of a YOLO network: scaled to fit, in the middle, grey around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from psg_ros.robot.ops.image import place

GREY = 114
"""What networks of the YOLO family are trained to see beside a picture of another aspect ratio."""


@dataclass(frozen=True)
class Letterboxed:
    """Where an image lies in the network input.

    Attributes:
        image_hw: the source image, px.
        content_hw: the scaled image, px of the input.
        corner_xy: its top-left corner, px of the input.
    """

    image_hw: tuple[int, int]
    content_hw: tuple[int, int]
    corner_xy: tuple[int, int]

    def to_image(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Map boxes [box, 4] from px of the input to px of the image, float64, clipped to it."""
        height, width = self.image_hw
        scale_xy = np.array([width / self.content_hw[1], height / self.content_hw[0]])
        corners = boxes_xyxy.astype(np.float64).reshape(-1, 2, 2)
        corners = (corners - self.corner_xy) * scale_xy
        return corners.clip(0, (width, height)).reshape(-1, 4)


class Letterbox:
    """Keeps the input; use it from one thread at a time.

    Attributes:
        array: float32 [1, 3, height, width], RGB in 0..1.
    """

    def __init__(self, input_hw: tuple[int, int]) -> None:
        self.array = np.full((1, 3, *input_hw), GREY / 255, np.float32)
        self._written: Letterboxed | None = None
        self._scaled = np.zeros((0, 0, 3), np.uint8)

    def write(self, image_rgb: np.ndarray) -> Letterboxed:
        """Write an image uint8 [height, width, 3], in place of the last; return where it lies."""
        where = letterbox(image_rgb.shape[:2], self.array.shape[2:])
        if where != self._written:
            self.array[:] = GREY / 255
            self._written = where
            self._scaled = np.empty((*where.content_hw, 3), np.uint8)
        (height, width), (left, top) = where.content_hw, where.corner_xy
        cv2.resize(image_rgb, (width, height), dst=self._scaled, interpolation=cv2.INTER_LINEAR)
        content = self.array[0, :, top : top + height, left : left + width]
        np.divide(self._scaled.transpose(2, 0, 1), 255, out=content, dtype=np.float32)
        return where


def letterbox(image_hw: tuple[int, int], input_hw: tuple[int, int]) -> Letterboxed:
    """Return the largest placement of the same aspect ratio; an odd row or column is put last."""
    content_hw = place(image_hw, input_hw, "eomt").content_hw  # rounds as the networks' own code
    top, left = ((whole - part) // 2 for whole, part in zip(input_hw, content_hw, strict=True))
    return Letterboxed(image_hw, content_hw, (left, top))
