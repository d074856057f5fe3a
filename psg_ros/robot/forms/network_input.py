# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The input of the first network: what every image is written into, here or on the device."""

from __future__ import annotations

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.manifest import Manifest
from psg_ros.robot.ops.image import Placement, padding_rgb, place, write_content
from psg_ros.robot.runtime.device_steps import DeviceSteps
from psg_ros.robot.runtime.tensors import Tensor


class NetworkInput:
    """Use it from one thread at a time.

    Attributes:
        tensor: uint8 [1, H, W, 3], RGB, the image written last; one colour to the right of it and
            below.
    """

    def __init__(self, manifest: Manifest, steps: DeviceSteps | None = None) -> None:
        """Write on the device where `steps` can, else here."""
        self._array = np.zeros((1, *manifest.input_hw, 3), np.uint8)
        self.tensor: Tensor = self._array
        self._steps = steps
        self._scaling = manifest.scaling
        self._padding_rgb = padding_rgb(manifest.scaling)
        self._written_hw = (0, 0)

    def write(self, image_rgb: np.ndarray, raw: RawPicture | None = None) -> Placement:
        """Write an image uint8 [height, width, 3], in place of the last; return where it lies.

        Args:
            raw: the same image as it came from the camera.
        """
        height, width = self._array.shape[1:3]
        placement = place(image_rgb.shape[:2], (height, width), self._scaling)
        found = self._on_device(raw or RawPicture.of_rgb(image_rgb), placement)
        self.tensor = self._array if found is None else found
        if found is None:
            self._write_here(image_rgb, placement)
        return placement

    def _on_device(self, picture: RawPicture, placement: Placement) -> Tensor | None:
        if self._steps is None:
            return None
        size = placement.content_hw
        return self._steps.prepare(picture, size, self._scaling, self._padding_rgb)

    def _write_here(self, image_rgb: np.ndarray, placement: Placement) -> None:
        if placement.content_hw != self._written_hw:
            self._array[:] = np.array(self._padding_rgb, np.uint8)
            self._written_hw = placement.content_hw
        content_h, content_w = placement.content_hw
        write_content(image_rgb, self._array[0, :content_h, :content_w], self._scaling)
