# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes of the backbones: four feature maps at strides 4, 8, 16 and 32. Needs no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from psg_ros.setting_fields import check_ranges, checked

NUM_MAPS = 4


@dataclass(frozen=True)
class BackboneConfig(ABC):
    """Base of all backbones.

    Attributes:
        type: a key of `BACKBONES`; every subclass sets its own.
        depths: number of blocks for each map.
    """

    type: str = field(default="", init=False)
    depths: tuple[int, ...] = (2, 2, 6, 2)

    def __post_init__(self) -> None:
        check_ranges(self)
        if len(self.depths) != NUM_MAPS or min(self.depths) < 1:
            raise ValueError(f"depths {self.depths} must be {NUM_MAPS} numbers of at least 1")

    @property
    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """Return the channels of the four maps, finest first."""


@dataclass(frozen=True)
class SwinConfig(BackboneConfig):
    """Swin Transformer; the defaults are Swin-T.

    Attributes:
        width: channels of the finest map; each coarser one has twice as many.
        window: side of the windows of attention, in cells.
        drop_path: in training, the chance that a sample skips the last block; earlier blocks are
            skipped less often, the first one never.
    """

    type: str = field(default="swin", init=False)
    width: int = checked(96, minimum=1)
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = checked(7, minimum=1)
    mlp_ratio: float = checked(4.0, above=0)
    drop_path: float = checked(0.3, minimum=0, below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.num_heads) != NUM_MAPS:
            raise ValueError(f"num_heads {self.num_heads} must be {NUM_MAPS} numbers")
        for width, heads in zip(self.widths, self.num_heads, strict=True):
            if heads < 1 or width % heads:
                raise ValueError(f"{width} channels must split into {heads} heads (num_heads)")

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.width * 2**index for index in range(NUM_MAPS))


@dataclass(frozen=True)
class ResNetConfig(BackboneConfig):
    """ResNet; the defaults are ResNet-50, with the stride in the 3x3 convolutions.

    Attributes:
        block: `bottleneck` (ResNet-50 and deeper) or `basic` (ResNet-18 and 34).
        width: channels of the stem.
        norm: `frozen` leaves the batch norms as public weights have them; `batch` learns them,
            which a network that starts from nothing needs.
    """

    type: str = field(default="resnet", init=False)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    block: str = checked("bottleneck", choices=("bottleneck", "basic"))
    width: int = checked(64, minimum=1)
    norm: str = checked("frozen", choices=("frozen", "batch"))

    @property
    def expansion(self) -> int:
        """Return by how much a block's output is wider than its 3x3 convolution."""
        return 4 if self.block == "bottleneck" else 1

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.width * self.expansion * 2**index for index in range(NUM_MAPS))


BACKBONES: dict[str, type[BackboneConfig]] = {"swin": SwinConfig, "resnet": ResNetConfig}


def backbone_class(name: str) -> type[BackboneConfig]:
    """Return the config class of a type.

    Raises:
        ValueError: there is no such type; the message lists those there are.
    """
    if name not in tuple(BACKBONES):  # a tuple: in YAML a name may be anything
        raise ValueError(f"backbone type must be one of {', '.join(BACKBONES)}, not {name!r}")
    return BACKBONES[name]
