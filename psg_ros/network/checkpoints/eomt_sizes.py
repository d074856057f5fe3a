# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which EoMT it is: sizes from the shapes of the parameters, checked against config.json."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from psg_ros.network.segmenters.eomt_config import EomtConfig

HEAD_SIZE = 64  # of every DINOv2 and DINOv3 ViT
DEFAULT_INPUT_PX = 640


@dataclass(frozen=True)
class PublishedSize:
    """One of the three published proportions; `num_query_blocks` as in EoMT's configs."""

    letter: str
    dim: int
    depth: int
    num_query_blocks: int
    backbone: str


PUBLISHED = (
    PublishedSize("S", 384, 12, 3, "facebook/dinov3-vits16-pretrain-lvd1689m"),
    PublishedSize("B", 768, 12, 3, "facebook/dinov3-vitb16-pretrain-lvd1689m"),
    PublishedSize("L", 1024, 24, 4, "facebook/dinov3-vitl16-pretrain-lvd1689m"),
)


@dataclass(frozen=True)
class Hints:
    """What shapes do not say. None: not known.

    Attributes:
        num_query_blocks: length of the checkpoint's `attn_mask_probs`.
        input_px: side of the square input that the user asks for.
        config: config.json of transformers, or empty.
        norm_eps: of the backbone, where config.json does not tell.
    """

    num_query_blocks: int | None
    input_px: int | None
    config: Mapping[str, Any]
    norm_eps: float


def published_size(tensors: Mapping[str, Tensor]) -> PublishedSize | None:
    """Return the published proportions that tensors under our names have, if any."""
    dim, depth = _shape(tensors, "cls_token", 3)[2], _depth(tensors)
    return next((size for size in PUBLISHED if (size.dim, size.depth) == (dim, depth)), None)


def num_labels(tensors: Mapping[str, Tensor]) -> int:
    """Return how many labels the class head knows, without "no object".

    Raises:
        ValueError: none, or there is no class head.
    """
    labels = _shape(tensors, "class_head.weight", 2)[0] - 1
    if labels < 1:
        raise ValueError("the class head has no labels")
    return labels


def segmenter_config(tensors: Mapping[str, Tensor], hints: Hints) -> tuple[EomtConfig, str]:
    """Return the sizes of the network that tensors under our names belong to.

    Returns:
        The sizes, and what had to be assumed (empty: nothing).

    Raises:
        ValueError: a parameter that tells a size is missing; config.json contradicts the shapes or
            names a variant that we do not have.
    """
    dim, depth = _shape(tensors, "cls_token", 3)[2], _depth(tensors)
    if not dim:
        raise ValueError("cls_token has no channels")
    learned = "position_embedding" in tensors
    patch_size = _shape(tensors, "stem.weight", 4)[3]
    input_px, assumed = _input_px(tensors, hints, patch_size)
    mlp_dim = _shape(tensors, "blocks.0.mlp.fc1.weight", 2)[0]
    sizes = {
        "hidden_size": dim,
        "num_hidden_layers": depth,
        "num_attention_heads": _num_heads(dim, hints.config),
        "patch_size": patch_size,
        "image_size": input_px,
        "num_register_tokens": _shape(tensors, "register_tokens", 3)[1],
        "num_queries": _shape(tensors, "queries", 2)[0],
        "num_blocks": _num_query_blocks(tensors, hints),
        "intermediate_size": mlp_dim,
        "num_labels": num_labels(tensors),
    }
    if not learned:  # rotary positions fit any input, so the user may choose
        sizes.pop("image_size")
    check_config(hints.config, {**sizes, "mlp_ratio": mlp_dim / dim})
    return EomtConfig(
        input_hw=(input_px, input_px),
        patch_size=patch_size,
        dim=dim,
        depth=depth,
        num_heads=sizes["num_attention_heads"],
        mlp_ratio=mlp_dim / dim,
        position="learned" if learned else "rope",
        key_bias="blocks.0.attention.k_proj.bias" in tensors,
        norm_eps=stated_eps(hints.config, hints.norm_eps),
        num_registers=sizes["num_register_tokens"],
        num_queries=sizes["num_queries"],
        num_query_blocks=sizes["num_blocks"],
        taps=tuple(depth * quarter // 4 - 1 for quarter in (1, 2, 3, 4)),
    ), assumed


def stated_eps(config: Mapping[str, Any], default: float) -> float:
    """Return the epsilon of the norms that config.json tells, or the default.

    Raises:
        ValueError: it is not a small positive number.
    """
    eps = config.get("layer_norm_eps", default)
    if not _is_number(eps) or not 0 < eps < 1:
        raise ValueError(
            f"config.json: layer_norm_eps must be a number between 0 and 1, not {reprlib.repr(eps)}"
        )
    return float(eps)


def check_config(config: Mapping[str, Any], sizes: Mapping[str, float]) -> None:
    """Raise ValueError where config.json contradicts the shapes or asks for what we do not have."""
    wanted: dict[str, Any] = {
        **sizes, "hidden_act": "gelu", "use_swiglu_ffn": False, "use_gated_mlp": False,
        "num_channels": 3,
    }  # fmt: skip
    odd = [
        f"{key} is {reprlib.repr(config[key])}, expected {value!r}"
        for key, value in wanted.items()
        if key in config and config[key] not in (value, [value, value])
    ]
    names = config.get("id2label")
    if isinstance(names, dict) and len(names) != sizes["num_labels"]:
        odd.append(f"id2label names {len(names)} labels, expected {sizes['num_labels']}")
    rope = config.get("rope_parameters") or {}
    stated = rope if isinstance(rope, dict) else {"rope_theta": rope}
    theta = stated.get("rope_theta", config.get("rope_theta", 100.0))
    if theta != 100.0:
        odd.append(f"rope_theta is {reprlib.repr(theta)}, expected 100.0")
    if odd:
        raise ValueError(f"config.json does not fit the weights or this network: {'; '.join(odd)}")


def _input_px(tensors: Mapping[str, Tensor], hints: Hints, patch_size: int) -> tuple[int, str]:
    """Return the side of the input, and what was assumed about it."""
    stated = _stated_side(hints.config)
    if "position_embedding" in tensors:
        num_patches = _shape(tensors, "position_embedding", 2)[0]
        side = math.isqrt(num_patches)
        if side * side != num_patches:
            raise ValueError(f"the position table has {num_patches} entries, not a square number")
        if hints.input_px not in (None, side * patch_size):
            raise ValueError(
                f"the position table is for {side * patch_size} px, not {hints.input_px}; only "
                "rotary positions (DINOv3) allow another input size"
            )
        return side * patch_size, ""
    if hints.input_px is not None:
        return hints.input_px, ""
    if stated is not None:
        return stated, ""
    return DEFAULT_INPUT_PX, f"input size {DEFAULT_INPUT_PX} px, which the file does not tell"


def _num_heads(dim: int, config: Mapping[str, Any]) -> int:
    if "num_attention_heads" in config:
        return _stated_count(config, "num_attention_heads")
    if dim % HEAD_SIZE:
        raise ValueError(
            f"the number of attention heads is unknown: the width {dim} is not a multiple of "
            f"{HEAD_SIZE}, and no config.json tells it"
        )
    return dim // HEAD_SIZE


def _num_query_blocks(tensors: Mapping[str, Tensor], hints: Hints) -> int:
    if hints.num_query_blocks is not None:
        return hints.num_query_blocks
    if "num_blocks" in hints.config:
        return _stated_count(hints.config, "num_blocks")
    size = published_size(tensors)
    if size is None:
        raise ValueError(
            "neither attn_mask_probs nor a config.json tells how many blocks see the queries, and "
            "the sizes are none of the published ones"
        )
    return size.num_query_blocks


def _stated_side(config: Mapping[str, Any]) -> int | None:
    """Return the side of the square input in px that config.json tells, if it does."""
    size = config.get("image_size")
    if size is None:
        return None
    sides = size if isinstance(size, list) else [size]
    if len(sides) not in (1, 2) or len({str(side) for side in sides}) > 1:
        raise ValueError(
            f"config.json: image_size must be one side of a square, not {reprlib.repr(size)}"
        )
    return _stated_count({"image_size": sides[0]}, "image_size")


def _stated_count(config: Mapping[str, Any], name: str) -> int:
    value = config[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"config.json: {name} must be a whole number of 1 or more, not {reprlib.repr(value)}"
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _depth(tensors: Mapping[str, Tensor]) -> int:
    found = {int(m[1]) for name in tensors if (m := re.match(r"blocks\.(\d+)\.", name))}
    if found != set(range(len(found))) or not found:
        raise ValueError(f"the blocks must be numbered from 0 without a gap, not {sorted(found)}")
    return len(found)


def _shape(tensors: Mapping[str, Tensor], name: str, num_axes: int) -> tuple[int, ...]:
    if name not in tensors:
        raise ValueError(f"incomplete EoMT checkpoint: {name} (our name) is missing")
    shape = tuple(tensors[name].shape)
    if len(shape) != num_axes:
        raise ValueError(f"{name} must have {num_axes} axes, not the shape {list(shape)}")
    return shape
