# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of foreign parameter names, and what does not fit them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

LISTED = 8  # names in an error message
Rules = Sequence[tuple[str, str]]
"""Pairs of a pattern of the whole foreign name and ours, which may use its groups."""

WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SHOWN = 5  # names in an error message


@dataclass(frozen=True)
class Renamed:
    """Tensors under our names, and the foreign names that no rule knows."""

    tensors: dict[str, Tensor]
    unknown: list[str] = field(default_factory=list)


def rename(tensors: Mapping[str, Tensor], rules: Rules, ignored: Sequence[str]) -> Renamed:
    """Give tensors our names; names that fit a pattern of `ignored` are left out.

    Raises:
        ValueError: two foreign names for one of ours, or a tensor that is quantised or not finite.
    """
    renamed: dict[str, Tensor] = {}
    unknown: list[str] = []
    odd: list[str] = []
    for name, tensor in tensors.items():
        ours = _our_name(name, rules)
        if ours is None:
            if not any(re.fullmatch(pattern, name) for pattern in ignored):
                unknown.append(name)
            continue
        if ours in renamed:
            raise ValueError(f"the checkpoint has {ours} twice, once as {name}")
        if fault := _fault(tensor):
            odd.append(f"{name} {fault}")
        renamed[ours] = tensor
    if odd:
        more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
        raise ValueError(
            f"the checkpoint holds what are not weights: {', '.join(odd[:SHOWN])}{more}; expected "
            "finite floating-point numbers, neither quantised nor of a diverged training"
        )
    return Renamed(renamed, unknown)


def split_qkv(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Replace fused query, key and value parameters [3 * dim, ...] by their three parts.

    `attn.qkv.weight` becomes `attn.q.weight`, torch's `in_proj_weight` becomes `q_proj.weight`, and
    so on.

    Raises:
        ValueError: the first axis does not hold three equal parts.
    """
    split: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        part_name = re.sub(r"\.attn\.qkv\.", ".attn.{}.", name)
        part_name = re.sub(r"\.in_proj_(weight|bias)$", r".{}_proj.\1", part_name)
        if part_name == name:
            split[name] = tensor
            continue
        if not tensor.ndim or not len(tensor) or len(tensor) % 3:
            raise ValueError(f"{name} must hold three equal parts, not the shape {[*tensor.shape]}")
        for letter, part in zip("qkv", tensor.chunk(3), strict=True):
            split[part_name.replace("{}", letter)] = part.contiguous()
    return split


def some_of(names: Sequence[str]) -> str:
    """Return the first names for an error message, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def plain_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop what torch.compile (`_orig_mod.`) and data-parallel training (`module.`) add to names.

    Raises:
        ValueError: two names become one.
    """
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        short = name.replace("_orig_mod.", "").removeprefix("module.")
        if short in plain:
            raise ValueError(f"the checkpoint has {short} twice, once as {name}")
        plain[short] = tensor
    return plain


def _fault(tensor: Tensor) -> str:
    """Return why a tensor is not a weight, or nothing."""
    if tensor.dtype not in WEIGHT_TYPES:
        return f"is {str(tensor.dtype).removeprefix('torch.')}"
    if tensor.layout != torch.strided:
        return "is sparse"
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        return "repeats fewer values than its shape says"
    return "" if bool(torch.isfinite(tensor.float()).all()) else "is not finite"


def _our_name(name: str, rules: Rules) -> str | None:
    for pattern, ours in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    return None
