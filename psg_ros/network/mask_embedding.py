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
    """Patch tokens of the image + overlap-weighted subject, object and background vectors.

    Args:
        background: `sum`: overlaps weigh by their shares, what they leave of a cell is background;
            `onoff`: by 1 wherever they are positive, and there is no background vector (DSFormer).
    """

    def __init__(self, dim: int, background: str = "sum") -> None:
        super().__init__()
        self.subject = nn.Parameter(torch.rand(dim))
        self.object = nn.Parameter(torch.rand(dim))
        self.background = nn.Parameter(torch.rand(dim)) if background == "sum" else None

    def forward(
        self,
        patch_tokens: Float[Tensor, "#pair cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
    ) -> Float[Tensor, "pair cell dim"]:
        """Return the tokens of every pair; overlaps are shares of a cell in 0..1."""
        shares = [subject_overlap, object_overlap]
        vectors: list[Tensor] = [self.subject, self.object]
        if self.background is None:
            shares = [(share > 0).to(share.dtype) for share in shares]
        else:
            shares += [(1 - subject_overlap - object_overlap).clamp(min=0)]
            vectors += [self.background]
        unit = functional.normalize(torch.stack(vectors), dim=-1)
        return patch_tokens + torch.stack(shares, dim=-1) @ unit
