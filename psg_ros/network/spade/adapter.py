# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ImageAdapter: what CLIP says of an image, as the context that a UNet expects of a text."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

FULL_HIDDEN = 2048


class ImageAdapter(nn.Module):
    """CLIP's embedding of an image -> context.

    Args:
        kind: `compact` adds to the embedding of the empty prompt one vector for all tokens and a
            table of positions, through a gate that begins at 0, so that it begins as the
            unconditional UNet; `full` maps to all tokens at once (160 times as many weights);
            `linear` gives a single token.
        empty_prompt: the text tower's embedding of "" [token, width]; sets both sizes.
    """

    def __init__(self, kind: str, embedding_width: int, empty_prompt: Tensor) -> None:
        super().__init__()
        self.kind = kind
        tokens, width = empty_prompt.shape
        self.register_buffer("empty_prompt", empty_prompt.detach().clone())
        if kind == "compact":
            self.layers = nn.Sequential(
                nn.Linear(embedding_width, width), nn.GELU(), nn.Linear(width, width)
            )
            self.positions = nn.Parameter(0.02 * torch.randn(tokens, width))
            self.gate = nn.Parameter(torch.zeros(()))
        elif kind == "full":
            self.layers = nn.Sequential(
                nn.Linear(embedding_width, FULL_HIDDEN),
                nn.GELU(),
                nn.Linear(FULL_HIDDEN, FULL_HIDDEN),
                nn.GELU(),
                nn.Linear(FULL_HIDDEN, tokens * width),
            )
        else:
            self.layers = nn.Sequential(nn.Linear(embedding_width, width))

    def forward(self, embedding: Float[Tensor, "batch embed"]) -> Float[Tensor, "batch token dim"]:
        mapped = self.layers(embedding)
        if self.kind == "linear":
            return mapped[:, None]
        if self.kind == "full":
            return mapped.unflatten(1, self.empty_prompt.shape)
        return self.empty_prompt + self.gate.tanh() * (mapped[:, None] + self.positions)
