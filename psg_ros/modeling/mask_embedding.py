# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Low-resolution mask embedding: tells the neck which cells belong to subject and object.

Source: DSFlash (CVPR 2026), on DSFormer's embedding vectors, which are L2-normalised at every use.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


def kept_cells(
    subject_overlap: Float[Tensor, "pair cell"], object_overlap: Float[Tensor, "pair cell"]
) -> Bool[Tensor, "pair cell"]:
    """Return which cells subject or object overlap at all; pruning drops the others (DSFlash)."""
    return subject_overlap + object_overlap > 0


class MaskEmbedding(nn.Module):
    """Patch tokens of the image + overlap-weighted subject, object and background vectors."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.subject = nn.Parameter(torch.rand(dim))
        self.object = nn.Parameter(torch.rand(dim))
        self.background = nn.Parameter(torch.rand(dim))

    def forward(
        self,
        patch_tokens: Float[Tensor, "#pair cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
    ) -> Float[Tensor, "pair cell dim"]:
        """Return the tokens of every pair; overlaps are shares of a cell in 0..1."""
        background = (1 - subject_overlap - object_overlap).clamp(min=0)
        weights = torch.stack((subject_overlap, object_overlap, background), dim=-1)
        vectors = torch.stack((self.subject, self.object, self.background))
        return patch_tokens + weights @ functional.normalize(vectors, dim=-1)
