# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A released YOSO -> weights and sizes of ours. Its files have the names of its own code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from psg_ros.network.checkpoints.converted import Converted, checked_weights
from psg_ros.network.checkpoints.mask2former_detectron2 import NORM, RESNET_RULES, W
from psg_ros.network.checkpoints.pyramid_sizes import Tensors, backbone_config, count, rows
from psg_ros.network.checkpoints.reading import Source
from psg_ros.network.checkpoints.renaming import Renamed, Rules, plain_names, rename, split_qkv
from psg_ros.network.segmenters.yoso.config import YosoConfig

SCALING = "lightly_train"
"""Antialiased bilinear, padded after normalisation, see `psg_ros.robot.ops.image`."""
TEMPERATURES = {150: 0.5, 65: 0.1}
"""Of the class logits, by the number of labels: ADE20K's and Mapillary's. No file tells it."""
PYRAMID, STAGE = r"yoso_neck\.deconv\.", r"yoso_head\.mask_heads\.(\d+)\."
LINEAR_EVERY = 3
"""Layers from one linear layer of a head to the next."""

NECK_RULES: Rules = (
    (rf"{PYRAMID}lateral_conv([0-3])\.{W}", r"neck.laterals.\1.\2"),
    *(
        (rf"{PYRAMID}deform_conv{index + 1}\.{theirs}", f"neck.doublings.{index}.{ours}")
        for index in range(3)
        for theirs, ours in (
            (rf"dcn_offset\.{W}", r"conv.places.\1"),
            (r"dcn\.weight", "conv.weight"),
            (rf"dcn_bn\.{NORM}", r"norm1.\1"),
            (r"up_sample\.weight", "enlarge.weight"),
            (rf"up_bn\.{NORM}", r"norm2.\1"),
        )
    ),
    *(
        (rf"{PYRAMID}conv_a{5 - index}\.weight", f"neck.aggregation.projections.{index}.weight")
        for index in range(4)
    ),
    (rf"{PYRAMID}bias", "neck.aggregation.bias"),
    (rf"{PYRAMID}output_conv\.{W}", r"neck.smooth.\1"),
    (rf"yoso_neck\.loc_conv\.{W}", r"neck.locate.\1"),
)
HEAD_RULES: Rules = (
    (rf"yoso_head\.kernels\.{W}", r"decoder.proposals.\1"),
    *(
        (rf"{STAGE}{theirs}\.{W}", rf"decoder.{ours}")
        for theirs, ours in (
            (r"f_atten\.weight_linear", r"stages.\1.feature_attention.weights.\2"),
            (r"f_atten\.norm", r"stages.\1.feature_attention.norm.\2"),
            (r"f_atten_norm", r"stages.\1.feature_norm.\2"),
            (r"k_atten\.weight_linear", r"stages.\1.kernel_attention.weights.\2"),
            (r"k_atten\.norm", r"stages.\1.kernel_attention.norm.\2"),
            (r"k_atten_norm", r"stages.\1.kernel_norm.\2"),
            (r"s_atten\.(\w+_proj)", r"stages.\1.self_attention.\2.\3"),
            (r"s_atten_norm", r"stages.\1.self_norm.\2"),
            (r"ffn\.layers\.0\.0", r"stages.\1.fc1.\2"),
            (r"ffn\.layers\.1", r"stages.\1.fc2.\2"),
            (r"ffn_norm", r"stages.\1.mlp_norm.\2"),
            (r"cls_fcs\.(\d+)", r"class_heads.\1.\2.\3"),
            (r"mask_fcs\.(\d+)", r"mask_heads.\1.\2.\3"),
            (r"fc_cls", r"class_heads.\1.last.\2"),
            (r"fc_mask", r"mask_heads.\1.last.\2"),
        )
    ),
)
RULES: Rules = (*RESNET_RULES, *NECK_RULES, *HEAD_RULES)
IGNORED = (r"(?:.*\.)?criterion\..*", r".*\.num_batches_tracked")


@dataclass(frozen=True)
class ConvertedYoso(Converted):
    """A YOSO under our names."""

    config: YosoConfig

    def summary(self) -> str:
        """See `Converted`."""
        sizes = self.config
        depths = "-".join(map(str, sizes.backbone.depths))
        return (
            f"YOSO on ResNet {depths}, {self.layout} layout: {self.num_labels} labels, "
            f"{sizes.num_queries} queries, input {sizes.input_hw[1]}x{sizes.input_hw[0]} px"
        )


def is_yoso(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like this layout."""
    return any(name.startswith(("yoso_neck.", "yoso_head.")) for name in plain_names(tensors))


def convert(found: Source, *, input_hw: tuple[int, int] | None = None) -> ConvertedYoso:
    """Convert a checkpoint; arguments and errors as of `psg_ros.network.checkpoints.convert`."""
    renamed = to_ours(plain_names(found.tensors))
    config, labels, assumed = segmenter_config(renamed.tensors, input_hw)
    weights = checked_weights(renamed, config, labels)
    return ConvertedYoso(weights, config, labels, "YOSO's own", SCALING, assumed)


def to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a whole YOSO; the last layers of heads get the numbers that they have in ours."""
    renamed = rename(split_qkv(tensors), RULES, IGNORED)
    named: dict[str, Tensor] = {}
    for name, tensor in renamed.tensors.items():
        head = name.partition(".last.")[0]
        named[name.replace(".last.", f".{LINEAR_EVERY * hidden(renamed.tensors, head)}.")] = tensor
        if name.startswith("neck.") and name.endswith(".running_mean"):
            named[name.replace("running_mean", "num_batches_tracked")] = torch.zeros(())
    return Renamed(named, renamed.unknown)


def hidden(tensors: Tensors, head: str) -> int:
    """Return how many hidden layers a head has, without its last layer: of two modules each."""
    return count(tensors, rf"{head}\.(\d+)\.") // 2


def segmenter_config(
    tensors: Tensors, input_hw: tuple[int, int] | None
) -> tuple[YosoConfig, int, str]:
    """Return the sizes of the network, its number of labels, and what had to be assumed.

    Raises:
        ValueError: a parameter that tells a size is missing, or sizes that cannot be.
    """
    class_layers, mask_layers = (
        (count(tensors, rf"decoder\.{kind}_heads\.0\.(\d+)\.") - 1) // 2
        for kind in ("class", "mask")
    )
    last = f"decoder.class_heads.0.{LINEAR_EVERY * max(0, class_layers)}.weight"
    num_labels = rows(tensors, last) - 1
    if num_labels < 1:
        raise ValueError("the class head has no labels")
    num_queries = rows(tensors, "decoder.proposals.weight")
    height, width = input_hw or YosoConfig.input_hw
    temperature = TEMPERATURES.get(num_labels, YosoConfig.temperature)
    sizes: dict[str, Any] = {
        "input_hw": (height, width),
        "num_queries": num_queries,
        "backbone": backbone_config(tensors),
        "dim": rows(tensors, "neck.locate.weight"),
        "neck_width": rows(tensors, "neck.smooth.weight"),
        "decoder_stages": count(tensors, r"decoder\.stages\.(\d+)\."),
        "taps": rows(tensors, "decoder.stages.0.feature_attention.weights.weight") - num_queries,
        "decoder_hidden": rows(tensors, "decoder.stages.0.fc1.weight"),
        "class_layers": class_layers,
        "mask_layers": mask_layers,
        "temperature": temperature,
    }
    config = YosoConfig(**sizes)
    config.check_geometry()
    assumed = f"temperature {temperature} of the class logits, as published for {num_labels} labels"
    return config, num_labels, assumed if input_hw else f"input {width}x{height} px; {assumed}"
