# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A public segmenter under our names, and the check that all of it is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from psg_ros.network.checkpoints.renaming import Renamed, some_of
from psg_ros.network.segmenter_config import SegmenterConfig
from psg_ros.network.segmenters.table import build_segmenter


@dataclass(frozen=True)
class Converted(ABC):
    """A segmenter under our names.

    Attributes:
        weights: float32, the state dict of the segmenter that `config` describes.
        layout: whose names the file has.
        scaling: how the code of this layout scales images, see `psg_ros.robot.ops.image`.
        assumed: what neither file nor user told; empty when nothing.
        label_names: in the order of the class head; empty where the file does not tell.
    """

    weights: dict[str, Tensor]
    config: SegmenterConfig
    num_labels: int
    layout: str
    scaling: str
    assumed: str = ""
    label_names: tuple[str, ...] = ()

    @abstractmethod
    def summary(self) -> str:
        """Return one line for people."""


def stated_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the classes in the config.json of transformers; empty: not told.

    The order is that of the class head. Whoever named nothing has LABEL_0 and so on there.
    """
    names = config.get("id2label")
    if not isinstance(names, dict) or set(names) != set(map(str, range(len(names)))):
        return ()
    return tuple(str(names[str(index)]) for index in range(len(names)))


def checked_weights(
    renamed: Renamed, config: SegmenterConfig, num_labels: int
) -> dict[str, Tensor]:
    """Return float32 weights; raise ValueError listing every kind of misfit with the network."""
    tensors = renamed.tensors
    with torch.device("meta"):
        wanted = build_segmenter(config, num_labels).state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - wanted.keys())
    misshaped = [
        f"{name} {list(tensors[name].shape)} instead of {list(wanted[name].shape)}"
        for name in sorted(wanted.keys() & tensors.keys())
        if tensors[name].shape != wanted[name].shape
    ]
    kinds = {
        "unknown": [*renamed.unknown, *surplus],
        "missing": missing,
        "of another shape": misshaped,
    }
    told = [f"{len(names)} {kind}: {some_of(names)}" for kind, names in kinds.items() if names]
    if told:
        raise ValueError(f"the checkpoint does not fit {config.type}; {'; '.join(told)}")
    return {name: tensor.float().contiguous() for name, tensor in tensors.items()}
