# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Semantic networks: a class for every pixel, of the picture and of its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from psg_ros.labelling.network import Network
from psg_ros.labelling.recipe import SemanticClass, SemanticRecipe
from psg_ros.robot.manifest import ArtifactSpec


@dataclass(frozen=True)
class ClassMaps:
    """What a network says of one picture.

    Attributes:
        classes: what the values mean.
        maps: int32 [height, width] each, at the size of the picture; the second, where there is
            one, of the mirrored picture, turned back.
    """

    classes: tuple[SemanticClass, ...]
    maps: tuple[np.ndarray, ...]

    @property
    def agreed(self) -> np.ndarray:
        """Bool [height, width]: all maps say the same."""
        first, *others = self.maps
        return np.logical_and.reduce([first == other for other in others]) | (not others)

    def where(self, chosen: np.ndarray) -> np.ndarray:
        """Return bool [height, width]: any map shows a class that is chosen, bool [class]."""
        return np.logical_or.reduce([chosen[one] for one in self.maps])


class SemanticNetwork:
    """Asks one network; see `SemanticRecipe`."""

    def __init__(self, network: Network, recipe: SemanticRecipe) -> None:
        """Raise ValueError for an output that is no class map."""
        _check_output(recipe.net, len(recipe.classes))
        self._network, self._recipe = network, recipe

    def __call__(self, image_rgb: np.ndarray) -> ClassMaps:
        """Return the classes of an image uint8 [height, width, 3], RGB.

        Raises:
            ValueError: the network says a class that the recipe does not list.
        """
        maps = [self._class_map(image_rgb)]
        if self._recipe.mirrored:
            maps.append(self._class_map(image_rgb[:, ::-1])[:, ::-1])
        return ClassMaps(self._recipe.classes, tuple(maps))

    def close(self) -> None:
        """Release the network; may be called twice."""
        self._network.close()

    def _class_map(self, image_rgb: np.ndarray) -> np.ndarray:
        height, width = self._network.input_hw
        # The aspect ratio is not kept, as such networks are used to.
        output = self._network(cv2.resize(np.ascontiguousarray(image_rgb), (width, height)))[0]
        small = output.argmax(0) if output.ndim == 3 else output
        count = len(self._recipe.classes)
        if small.min() < 0 or small.max() >= count:
            raise ValueError(
                f"{self._recipe.net.file} says class {small.max()} (least {small.min()}), but the "
                f"recipe lists {count} classes"
            )
        size_wh = image_rgb.shape[1], image_rgb.shape[0]
        return cv2.resize(small.astype(np.int32), size_wh, interpolation=cv2.INTER_NEAREST)


def _check_output(spec: ArtifactSpec, num_classes: int) -> None:
    (tensor,) = spec.outputs
    is_integer = np.issubdtype(np.dtype(tensor.dtype), np.integer)
    if is_integer and len(tensor.shape) == 3:
        return
    if not is_integer and len(tensor.shape) == 4 and tensor.shape[1] == num_classes:
        return
    raise ValueError(
        f"{spec.file}: the output must be integers [1, height, width], or scores "
        f"[1, {num_classes}, height, width] for the {num_classes} classes of the recipe, not "
        f"{tensor.dtype} {list(tensor.shape)}"
    )
