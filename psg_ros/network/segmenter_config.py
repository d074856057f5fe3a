# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the config of every segmenter says, whatever the network. Needs no torch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from psg_ros.backend_table import AUTO
from psg_ros.setting_fields import check_ranges, checked


class FeatureMap(NamedTuple):
    """Geometry of one map of features that the relation stage reads.

    Attributes:
        stride: px of the network input from one cell of the map to the next.
        width: number of channels.
    """

    stride: int
    width: int

    def grid_hw(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        """Return rows and columns of the map for an input of this size."""
        return input_hw[0] // self.stride, input_hw[1] // self.stride


class ExportNeeds(NamedTuple):
    """What the files of an exported network need.

    Attributes:
        opset: of ONNX, the least one that has all operators.
        backend: the only one that runs them where the user leaves the choice; "auto": all do.
    """

    opset: int = 18
    backend: str = AUTO


@dataclass(frozen=True)
class SegmenterConfig(ABC):
    """Base of all segmenter configs; a subclass adds the sizes of its network as fields.

    Attributes:
        type: the name in `psg_ros.network.segmenters.table`; every subclass sets its own.
        input_hw: px, multiples of `input_step`.
        num_queries: how many masks the segmenter gives for an image.
        text_encoder, text_dim: of the class head, as in `psg_ros.network.config.RelationConfig`.
        own_settings: settings of stage 1 that this segmenter reads and others may not, see
            `psg_ros.training.config.SegmentationTraining`.
        switches: fields that may change after training, because they need no other weights.
        undecided: fields about which a checkpoint of the network alone says nothing.
    """

    type: str = field(default="", init=False)
    input_hw: tuple[int, int] = (640, 640)
    num_queries: int = checked(200, minimum=1)
    text_encoder: str = ""
    text_dim: int = checked(384, minimum=1)

    own_settings: ClassVar[tuple[str, ...]] = ()
    switches: ClassVar[tuple[str, ...]] = ()
    undecided: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    @abstractmethod
    def mask_stride(self) -> int:
        """Return the px of the input per cell of the mask logits."""

    @property
    @abstractmethod
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        """Return the geometry of the features, in their order; strides may differ, and widths."""

    @property
    def mask_width(self) -> int:
        """Return the channels of the mask features that training gets; 0: it gets none."""
        return 0

    @property
    def export_needs(self) -> ExportNeeds:
        """Return what an export of this network needs."""
        return ExportNeeds()

    @property
    def stride(self) -> int:
        """Return the coarsest stride of the features: the side of a patch in px."""
        return max(feature_map.stride for feature_map in self.feature_maps)

    @property
    def input_step(self) -> int:
        """Return what sizes of images must be multiples of, in px, so that all grids fill them."""
        return math.lcm(self.stride, self.mask_stride)

    @property
    def grid_hw(self) -> tuple[int, int]:
        """Return rows and columns of patches of the network input."""
        return self.input_hw[0] // self.stride, self.input_hw[1] // self.stride

    def check_training(self, settings: Any) -> None:  # noqa: B027, others may have nothing to refuse
        """Raise ValueError for settings of stage 1 that cannot work with this network.

        Args:
            settings: `psg_ros.training.config.SegmentationTraining`; what does not depend on the
                network has been checked already.
        """

    def check_geometry(self) -> None:
        """Raise ValueError unless all grids fill the input, and finer features the patches."""
        for stride, _ in self.feature_maps:
            if self.stride % stride:
                what = f"must divide the coarsest one, {self.stride}"
                raise ValueError(f"the strides of the features {what}; {stride} does not")
        if any(size % self.input_step or size < 1 for size in self.input_hw):
            raise ValueError(f"input_hw {self.input_hw} must be multiples of {self.input_step} px")
