# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What CLIP sees in a mask.

Source: ODISE (Xu et al., "Open-vocabulary panoptic segmentation with text-to-image diffusion
models", CVPR 2023): a copy of the class token for each mask, which looks only at that mask.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional


@torch.no_grad()
def pool_masks(
    vision: Any,
    pixels: Float[Tensor, "1 3 h w"],
    masks: Float[Tensor, "mask mask_h mask_w"],
    pool: str,
) -> Float[Tensor, "mask embed"]:
    """Return one vector for each mask, in the space of CLIP's text embeddings.

    Args:
        vision: CLIPVisionModelWithProjection.
        masks: 0..1 over the whole image, on any grid.
        pool: see `SpadeConfig.clip_pool`.
    """
    if not len(masks):
        return pixels.new_zeros(0, vision.config.projection_dim)
    tower = vision.vision_model
    tokens = tower.pre_layrnorm(tower.embeddings(pixels))
    side = round((tokens.shape[1] - 1) ** 0.5)
    seen = functional.adaptive_max_pool2d(masks, side).flatten(1) > 0.5
    if pool == "mask_token":
        pooled = _mask_tokens(tower, tokens, seen)
    else:
        patches = tower.encoder(inputs_embeds=tokens).last_hidden_state[0, 1:]
        shares = seen.to(patches)
        pooled = shares @ patches / shares.sum(1, keepdim=True).clamp(min=1)
    return vision.visual_projection(tower.post_layernorm(pooled))


def _mask_tokens(
    tower: Any, tokens: Float[Tensor, "1 token dim"], seen: Bool[Tensor, "mask patch"]
) -> Float[Tensor, "mask dim"]:
    count, image = len(seen), tokens.shape[1]
    copies = tokens[:, :1].expand(1, count, -1)
    # Rows look at columns: at a mask token nobody, not even itself.
    looks = torch.zeros(image + count, image + count, dtype=torch.bool, device=tokens.device)
    looks[:, :image] = True
    looks[image:, 1:image] = seen
    bias = torch.zeros(looks.shape, dtype=tokens.dtype, device=tokens.device)
    bias.masked_fill_(~looks, torch.finfo(tokens.dtype).min)
    joined = torch.cat((tokens, copies), dim=1)
    out = tower.encoder(inputs_embeds=joined, attention_mask=bias[None, None])
    return out.last_hidden_state[0, image:]
