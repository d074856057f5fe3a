# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Key layout of LightlyTrain's EoMT on DINOv3: whole weights and the arguments of the network.

A file holds the state of a training module, in which the network is `model.`, and beside it
`model_class_path`, a name that nothing here imports, and `model_init_args`. Images are normalised
there before they are padded: what is beside them is the mean colour, see the scaling
`lightly_train` of `psg_ros.robot.ops.image`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from psg_ros.network.checkpoints import dinov3_original
from psg_ros.network.checkpoints.renaming import Renamed, Rules, rename

PREFIX, BACKBONE = "model.", "backbone."
UPSCALE_EPS = 1e-5
"""Of the norms between upscalings; EoMT's own code and transformers have 1e-6."""
W = r"(weight|bias)"
RULES: Rules = (
    *dinov3_original.BACKBONE_RULES,
    (r"queries\.weight", "queries"),
    (rf"class_head\.{W}", r"class_head.\1"),
    (rf"mask_head\.([024])\.{W}", r"mask_head.\1.\2"),
    (rf"upscale\.(\d+)\.(conv[12]|norm)\.{W}", r"upscale.\1.\2.\3"),
)


def is_lightly_train(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like this layout."""
    return f"{PREFIX}{BACKBONE}storage_tokens" in tensors


def to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename the network; what the training module holds besides it is left out.

    Raises:
        ValueError: see `dinov3_original.backbone_to_ours`.
    """
    network = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in tensors.items()
        if name.startswith(PREFIX)
    }
    plain = {name.removeprefix(BACKBONE): tensor for name, tensor in network.items()}
    return rename(dinov3_original.normalised(plain), RULES, dinov3_original.IGNORED)


def stated_config(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the arguments tell, in the words of transformers' config.json."""
    told = {"num_queries": "num_queries", "num_joint_blocks": "num_blocks"}
    config = {ours: arguments[name] for name, ours in told.items() if name in arguments}
    if "image_size" in arguments:
        size = arguments["image_size"]
        config["image_size"] = list(size) if isinstance(size, (list, tuple)) else size
    return config


def stated_labels(arguments: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the classes in the order of the class head; empty: not told."""
    kinds = [arguments.get(name) for name in ("thing_classes", "stuff_classes")]
    return [str(name) for kind in kinds if isinstance(kind, dict) for name in kind.values()]
