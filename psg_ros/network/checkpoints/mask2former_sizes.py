# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which Mask2Former or PRO-SCALE it is: sizes from the shapes of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psg_ros.network.checkpoints.pyramid_sizes import Tensors, backbone_config, count, rows
from psg_ros.network.segmenters.mask2former.config import (
    Mask2FormerConfig,
    MaskTransformerConfig,
    ProScaleConfig,
)

NUM_HEADS = MaskTransformerConfig.num_heads
"""What every published network has; no shape tells it."""


def num_labels(tensors: Tensors) -> int:
    """Return how many labels the class head knows, without "no object".

    Raises:
        ValueError: none, or there is no class head.
    """
    labels = rows(tensors, "decoder.class_head.weight") - 1
    if labels < 1:
        raise ValueError("the class head has no labels")
    return labels


def segmenter_config(
    tensors: Tensors, stated: Mapping[str, Any], input_hw: tuple[int, int] | None
) -> tuple[MaskTransformerConfig, str]:
    """Return the sizes of the network that tensors under our names belong to.

    Args:
        stated: config.json of transformers, or empty.
        input_hw: what the user asks for; None: as published for COCO.

    Returns:
        The sizes, and what had to be assumed (empty: nothing).

    Raises:
        ValueError: a parameter that tells a size is missing, or sizes that cannot be.
    """
    heads = stated.get("num_attention_heads", NUM_HEADS)
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1:
        raise ValueError(f"config.json has num_attention_heads {heads!r}, expected a number")
    places = [rows(tensors, name) for name in numbered(tensors, r"{}.attention.attention_weights")]
    if not places:
        raise ValueError("the encoder of the pixel decoder has no layers")
    height, width = input_hw or MaskTransformerConfig.input_hw
    sizes: dict[str, Any] = {
        "input_hw": (height, width),
        "num_queries": rows(tensors, "decoder.query_features"),
        "backbone": backbone_config(tensors),
        "dim": rows(tensors, "pixel_decoder.mask_features.weight"),
        "num_heads": heads,
        "num_points": max(1, max(places) // (3 * heads)),
        "encoder_hidden": rows(tensors, "pixel_decoder.layers.0.fc1.weight"),
        "decoder_layers": count(tensors, r"decoder\.layers\.(\d+)\."),
        "decoder_hidden": rows(tensors, "decoder.layers.0.fc1.weight"),
    }
    config = variant(tensors, places, sizes)
    config.check_geometry()
    return config, "" if input_hw else f"input {width}x{height} px"


def variant(tensors: Tensors, places: list[int], sizes: dict[str, Any]) -> MaskTransformerConfig:
    """Return the config of the kind of pixel decoder; `places`: samplings of each layer."""
    levels = [number * 3 / max(places) for number in places]
    recalibrates = "pixel_decoder.recalibration.weigh.weight" in tensors
    light = "pixel_decoder.pixel_embedding.0.weight" not in tensors
    if not recalibrates and not light and set(levels) == {3}:
        return Mask2FormerConfig(**sizes, encoder_layers=len(levels))
    if levels != sorted(levels) or not set(levels) <= {1, 2, 3}:
        raise ValueError(f"layers of the encoder see {levels} maps, expected 1, then 2, then 3")
    return ProScaleConfig(
        **sizes,
        stages=(levels.count(1), levels.count(2), levels.count(3)),
        recalibration="release" if recalibrates else "off",
        pixel_embedding="light" if light else "conv",
    )


def numbered(tensors: Tensors, part: str) -> list[str]:
    """Return the names of one weight of all layers of the encoder, in their order."""
    layers = range(count(tensors, r"pixel_decoder\.layers\.(\d+)\."))
    return [f"pixel_decoder.layers.{part.format(index)}.weight" for index in layers]
