# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of foreign parameter names, and what does not fit them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

LISTED = 8  # names in an error message
Rules = Sequence[tuple[str, str]]
"""Pairs of a pattern of the whole foreign name and ours, which may use its groups."""


@dataclass(frozen=True)
class Renamed:
    """Tensors under our names, and the foreign names that no rule knows."""

    tensors: dict[str, Tensor]
    unknown: list[str] = field(default_factory=list)


def rename(tensors: Mapping[str, Tensor], rules: Rules, ignored: Sequence[str]) -> Renamed:
    """Give tensors our names; names that fit a pattern of `ignored` are left out.

    Raises:
        ValueError: two foreign names for one of ours.
    """
    renamed: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, tensor in tensors.items():
        ours = _our_name(name, rules)
        if ours is None:
            if not any(re.fullmatch(pattern, name) for pattern in ignored):
                unknown.append(name)
            continue
        if ours in renamed:
            raise ValueError(f"the checkpoint has {ours} twice, once as {name}")
        renamed[ours] = tensor
    return Renamed(renamed, unknown)


def some_of(names: Sequence[str]) -> str:
    """Return the first names for an error message, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _our_name(name: str, rules: Rules) -> str | None:
    for pattern, ours in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    return None
