# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The input of the first network: one buffer that every image is written into."""

from __future__ import annotations

import numpy as np

from psg_ros.robot.manifest import Manifest
from psg_ros.robot.ops.image import Placement, padding_rgb, place, write_content


class NetworkInput:
    """Use it from one thread at a time.

    Attributes:
        array: uint8 [1, H, W, 3], RGB; one colour to the right of the image and below.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.array = np.zeros((1, *manifest.input_hw, 3), np.uint8)
        self._scaling = manifest.scaling
        self._padding = np.array(padding_rgb(manifest.scaling), np.uint8)
        self._written_hw = (0, 0)

    def write(self, image_rgb: np.ndarray) -> Placement:
        """Write an image uint8 [height, width, 3], in place of the last; return where it lies."""
        height, width = self.array.shape[1:3]
        placement = place(image_rgb.shape[:2], (height, width), self._scaling)
        if placement.content_hw != self._written_hw:
            self.array[:] = self._padding
            self._written_hw = placement.content_hw
        content_h, content_w = placement.content_hw
        write_content(image_rgb, self.array[0, :content_h, :content_w], self._scaling)
        return placement
