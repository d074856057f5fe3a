# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DeviceSteps: what a backend does around its network on the device, in place of the host."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.runtime.tensors import Tensor


@dataclass(frozen=True)
class Contest:
    """How masks compete on the device; see `psg_ros.robot.ops.panoptic.contest`.

    Attributes:
        score_threshold: queries of a label that are scored above take part.
        shape_hw: the map on which they compete.
        content_hw: px of the network input that the image fills.
        stride: px of the network input per cell of the masks; 0: the map is a part of their grid.
    """

    score_threshold: float
    shape_hw: tuple[int, int]
    content_hw: tuple[int, int]
    stride: int


@dataclass(frozen=True)
class ContestResult:
    """Valid until the next run.

    Attributes:
        queries: int32 [kept]; which took part, ascending.
        scores: float32 [query]; of the best class of each.
        labels: int32 [query]; that class.
        codes: uint16 [height, width]; see `psg_ros.robot.ops.panoptic.compete`.
        own_areas: int32 [kept]; likewise.
    """

    queries: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    codes: np.ndarray
    own_areas: np.ndarray


class DeviceSteps(Protocol):
    """Steps of one backend. All but `send` belong to the thread that runs the network.

    Where a method returns None, the host has to do it.
    """

    def send(self, picture: RawPicture) -> None:
        """Begin to copy a picture to the device, while another may be worked on. Any thread.

        It waits for as long as the caller holds it, as one of at most 15; what was forgotten is
        sent again when `prepare` asks for it.
        """
        ...

    def prepare(
        self,
        picture: RawPicture,
        content_hw: tuple[int, int],
        scaling: str,
        padding_rgb: tuple[int, int, int],
    ) -> Tensor | None:
        """Return the network's input `image`, decoded, scaled and padded on the device.

        Args:
            content_hw: px of the input that the picture fills.
            scaling: recipe, see `psg_ros.robot.ops.image`.
        """
        ...

    def run(
        self, inputs: Mapping[str, Tensor], keep: Collection[str], contest: Contest
    ) -> tuple[Mapping[str, Any], ContestResult] | None:
        """Run the network as `Backend.run`, and let its masks compete before anything is fetched.

        `keep` should name all that is not needed on the host; the masks among them.
        """
        ...

    def describe_pairs(
        self,
        content_map: np.ndarray,
        num_segments: int,
        grid_hw: tuple[int, int],
        cell_hw: tuple[int, int],
        boxes: np.ndarray,
        pairs: np.ndarray,
    ) -> None:
        """Measure how segments overlap the cells of the relation stage; `pair_inputs` gives them.

        Args:
            content_map: int32 [h, w], segments or a negative number.
            grid_hw, cell_hw: number of cells, and elements of the map per cell.
            boxes: float32 [segment, 4]; they go to the network as they are.
            pairs: int32 [pair, 2], segments.
        """
        ...

    def pair_inputs(self, first: int, last: int) -> Mapping[str, Tensor]:
        """Return the network's inputs for the pairs from `first` to before `last`."""
        ...


def steps_of(backend: object) -> DeviceSteps | None:
    """Return what a backend does on its device, None if that is the network alone."""
    steps: DeviceSteps | None = getattr(backend, "steps", None)
    return steps
