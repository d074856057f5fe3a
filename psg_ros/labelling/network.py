# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network of a composite teacher: a picture scaled into its one input, its one output."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.file_digest import file_sha256
from psg_ros.labelling.recipe import Pixels
from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.robot.runtime.backend import Backend, open_backend

ONLY_OPENVINO = ".tflite"
"""Networks in this format run on OpenVINO alone."""


class Network:
    """One opened network.

    Attributes:
        input_hw: px.
    """

    def __init__(self, backend: Backend, spec: ArtifactSpec, pixels: Pixels) -> None:
        (tensor,) = spec.inputs
        self._backend, self._pixels, self._input = backend, pixels, tensor
        self._is_planar = tensor.shape[1] == 3
        height, width = tensor.shape[2:] if self._is_planar else tensor.shape[1:3]
        self.input_hw = (height, width)

    def __call__(self, image_rgb: np.ndarray) -> np.ndarray:
        """Return the output for an image uint8 [height, width, 3] of the network's input size.

        It is valid until the next call.
        """
        (output,) = self._backend.run({self._input.name: self._values(image_rgb)}).values()
        return output

    def close(self) -> None:
        """Release the network; may be called twice."""
        self._backend.close()

    def _values(self, image_rgb: np.ndarray) -> np.ndarray:
        pixels = image_rgb if self._pixels.order == "rgb" else image_rgb[..., ::-1]
        if not self._pixels.is_plain:
            pixels = (pixels - np.array(self._pixels.mean)) / np.array(self._pixels.std)
        if self._is_planar:
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels[None], self._input.dtype)


def open_network(
    folder: Path, spec: ArtifactSpec, pixels: Pixels, config: PipelineConfig
) -> Network:
    """Open a network of a recipe.

    Raises:
        FileNotFoundError: its file is missing.
        ImportError: the backend's package is not installed.
        ValueError: other tensors than the recipe says, or another file.
    """
    _check_tensors(spec)
    path = folder / spec.file
    _check_file(path, spec.sha256)
    name = config.backend
    if name == "auto" and path.suffix == ONLY_OPENVINO:
        name = "openvino"
    backend = open_backend(name, path, spec, threads=config.threads, precision=config.precision)
    return Network(backend, spec, pixels)


def _check_file(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing, a network of the recipe; --nets names the folder that holds them"
        )
    actual = file_sha256(path)
    if actual != sha256:
        raise ValueError(
            f"{path} is damaged or another network (SHA-256 {actual[:12]}..., the recipe says "
            f"{sha256[:12]}...)"
        )


def _check_tensors(spec: ArtifactSpec) -> None:
    if len(spec.inputs) != 1 or len(spec.outputs) != 1:
        raise ValueError(
            f"{spec.file}: the recipe must name one input and one output, not "
            f"{len(spec.inputs)} and {len(spec.outputs)}"
        )
    (tensor,) = spec.inputs
    shape = tensor.shape
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1 or 3 not in (shape[1], shape[3]):
        raise ValueError(
            f"{spec.file}: the input must be [1, 3, height, width] or [1, height, width, 3], not "
            f"{list(shape)}"
        )
