# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Key layouts of backbones that ImageNet taught: torchvision's ResNet, and Swin's own code."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from psg_ros.network.checkpoints.mask2former_detectron2 import SWIN_RULES
from psg_ros.network.checkpoints.mask2former_shared import NORM
from psg_ros.network.checkpoints.renaming import Renamed, Rules, rename, split_qkv

RESNET_RULES: Rules = (
    (r"backbone\.conv1\.weight", "backbone.conv1.weight"),
    (rf"backbone\.bn1\.{NORM}", r"backbone.bn1.\1"),
    *(
        (rf"backbone\.layer(\d)\.(\d+)\.{part}", rf"backbone.layer\1.\2.{part_name}")
        for part, part_name in (
            (r"(conv\d)\.weight", r"\3.weight"),
            (rf"(bn\d|downsample\.1)\.{NORM}", r"\3.\4"),
            (r"downsample\.0\.weight", "downsample.0.weight"),
        )
    ),
)
RULES: Rules = (*RESNET_RULES, *SWIN_RULES)
IGNORED = (
    r"backbone\.(?:fc|head|norm)\..*",  # what classifies
    r".*\.num_batches_tracked",
    r".*\.(?:relative_position_index|attn_mask)",
)


def to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a backbone; the norms behind Swin's maps are not in such files."""
    named = {f"backbone.{name}": tensor for name, tensor in tensors.items()}
    return rename(split_qkv(named), RULES, IGNORED)
