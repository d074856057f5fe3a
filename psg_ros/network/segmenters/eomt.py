# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""EoMT: a plain ViT that segments.

Source: Kerssies et al., "Your ViT is secretly an image segmentation model", CVPR 2025, in both
families (DINOv2: learned positions; DINOv3: rotary positions, keys without bias). Differences:
the mask gating of the last blocks is an argument of the forward pass and is absent at inference;
other stems replace the patch convolution where a small model is trained without a pretrained ViT.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.kept_tables import kept
from psg_ros.network.layers import (
    PIXEL_MEAN,
    PIXEL_STD,
    Attention,
    ChannelNorm,
    Mlp,
    axial_rope,
)
from psg_ros.network.segmenter import LearningRate, Segmenter, SegmenterOutput, TrainingStep
from psg_ros.network.segmenters.efficientnet_lite import EfficientNetStem
from psg_ros.network.segmenters.eomt_config import PRETRAINED_STEMS, EomtConfig
from psg_ros.network.segmenters.eomt_training import (
    gate_probabilities,
    gate_stretches,
    is_backbone,
    rate_scale,
)
from psg_ros.network.token_merging import TokenMerging
from psg_ros.network.word_scores import class_head

kept_rope = kept(axial_rope)

LABEL_PARTS = ("class_head.", "queries")
PRETRAINED = "stem.network."
"""Beginning of the names of what public weights have taught, see `EfficientNetStem`."""


class LayerScale(nn.Module):
    """A learned factor per channel on a residual branch."""

    def __init__(self, dim: int, initial: float) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.full((dim,), initial))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.lambda1


class VitBlock(nn.Module):
    """Pre-norm transformer block with LayerScale."""

    def __init__(self, config: EomtConfig, layer_scale: float) -> None:
        super().__init__()
        dim = config.dim
        self.norm1 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.attention = Attention(dim, config.num_heads, key_bias=config.key_bias)
        self.layer_scale1 = LayerScale(dim, layer_scale)
        self.norm2 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))
        self.layer_scale2 = LayerScale(dim, layer_scale)

    def forward(
        self,
        tokens: Tensor,
        rope: tuple | None,
        mask: Tensor | None = None,
        merging: TokenMerging | None = None,
    ) -> Tensor:
        """Return the tokens after the block; `merging` is for inference, without `mask`."""
        normed = self.norm1(tokens)
        if merging is None:
            mixed = self.attention(normed, rope, mask)
        else:
            mixed = merging.attend(self.attention, tokens, normed, rope)
        tokens = tokens + self.layer_scale1(mixed)
        return tokens + self.layer_scale2(self.mlp(self.norm2(tokens)))


class UpscaleBlock(nn.Module):
    """Double the resolution of a feature map."""

    def __init__(self, dim: int, norm_eps: float) -> None:
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(dim, dim, kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(dim, dim, kernel_size=3, padding=1, groups=dim, bias=False)
        self.norm = ChannelNorm(dim, eps=norm_eps)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        return self.norm(self.conv2(functional.gelu(self.conv1(features))))


def make_stem(config: EomtConfig) -> nn.Module:
    """Return the module from normalised pixels to the patch grid."""
    if config.stem == "linear":
        return nn.Conv2d(3, config.dim, config.patch_size, stride=config.patch_size)
    if config.stem in PRETRAINED_STEMS:
        return EfficientNetStem(config.stem, config.dim, PIXEL_MEAN, PIXEL_STD)
    num_halvings = config.patch_size.bit_length() - 1
    steps = range(1, num_halvings + 1)
    widths = [3, *(max(8, config.dim * s // (num_halvings + 1) // 8 * 8) for s in steps)]
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], config.dim, kernel_size=1))


class Eomt(Segmenter):
    """Image to class logits, mask logits and, as features, the tapped patch tokens.

    Args:
        num_labels: without "no object".
        layer_scale: start value; 1.0 suits training from scratch, 1e-5 is the habit of ViTs.
    """

    config: EomtConfig
    pixel_mean: Tensor
    pixel_std: Tensor
    label_parts = LABEL_PARTS
    compares_words = True
    head_parts = (*LABEL_PARTS, "mask_head.", "upscale.")

    def __init__(self, config: EomtConfig, num_labels: int, layer_scale: float = 1.0) -> None:
        super().__init__(config, num_labels)
        dim = config.dim
        self.stem = make_stem(config)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.register_tokens = nn.Parameter(torch.zeros(1, config.num_registers, dim))
        if config.position == "learned":
            num_patches = config.grid_hw[0] * config.grid_hw[1]
            self.position_embedding = nn.Parameter(torch.randn(num_patches, dim) * 0.02)
        self.blocks = nn.ModuleList(VitBlock(config, layer_scale) for _ in range(config.depth))
        self.norm = nn.LayerNorm(dim, eps=config.norm_eps)
        self.queries = nn.Parameter(torch.randn(config.num_queries, dim))
        self.class_head = class_head(config, dim, num_labels)
        self.mask_head = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim)
        )
        doublings = range(config.num_upscale_blocks)
        self.upscale = nn.Sequential(*(UpscaleBlock(dim, config.upscale_eps) for _ in doublings))
        self.register_buffer("pixel_mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1) * 255, False)
        self.register_buffer("pixel_std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1) * 255, False)
        nn.init.normal_(self.register_tokens, std=0.02)
        nn.init.normal_(self.cls_token, std=0.02)

    @property
    def num_prefix_tokens(self) -> int:
        """Class and register tokens, before the patch tokens."""
        return 1 + self.config.num_registers

    def embed(self, pixels: Float[Tensor, "batch 3 h w"]) -> tuple[Tensor, tuple[int, int]]:
        """Return tokens [batch, prefix + patch, dim] and the patch grid; pixels are RGB 0..255."""
        features = self.stem((pixels - self.pixel_mean) / self.pixel_std)
        grid_hw = (features.shape[2], features.shape[3])
        patches = features.flatten(2).transpose(1, 2)
        if self.config.position == "learned":
            patches = patches + self.position_embedding
        prefix = torch.cat((self.cls_token, self.register_tokens), dim=1)
        return torch.cat((prefix.expand(len(patches), -1, -1), patches), dim=1), grid_hw

    def rope(self, grid_hw: tuple[int, int], device: torch.device) -> tuple | None:
        if self.config.position != "rope":
            return None
        return kept_rope(device, grid_hw, self.config.dim // self.config.num_heads)

    def patch_tokens(
        self, tokens: Float[Tensor, "b t d"], num_patches: int
    ) -> Float[Tensor, "b p d"]:
        """Return the patch tokens, which always stand last."""
        return tokens[:, tokens.shape[1] - num_patches :]

    def predict(
        self, tokens: Float[Tensor, "b t d"], grid_hw: tuple[int, int], upscale: bool = True
    ) -> tuple[Float[Tensor, "b q c"], Float[Tensor, "b q h w"], Float[Tensor, "b d h w"]]:
        """Read class logits, mask logits and mask features from tokens that start with the queries.

        `upscale=False` makes masks on the patch grid itself: cheap side predictions in training.
        """
        tokens = self.norm(tokens)
        queries = tokens[:, : self.config.num_queries]
        patches = self.patch_tokens(tokens, grid_hw[0] * grid_hw[1])
        features = patches.transpose(1, 2).unflatten(2, grid_hw)
        features = self.upscale(features) if upscale else features
        masks = self.mask_head(queries) @ features.flatten(2)
        return self.class_head(queries), masks.unflatten(2, features.shape[2:]), features

    def forward(self, pixels: Float[Tensor, "batch 3 h w"]) -> SegmenterOutput:
        """See `Segmenter`; the features are the taps, patch tokens [batch, patch, dim] each."""
        tokens, grid_hw, taps = self.run_blocks(pixels)
        class_logits, mask_logits, _ = self.predict(tokens, grid_hw)
        return SegmenterOutput(class_logits, mask_logits, tuple(taps))

    def encode(self, pixels: Float[Tensor, "batch 3 h w"]) -> tuple[Tensor, ...]:
        """See `Segmenter`."""
        return tuple(self.run_blocks(pixels)[2])

    def run_blocks(
        self, pixels: Float[Tensor, "batch 3 h w"]
    ) -> tuple[Float[Tensor, "batch t d"], tuple[int, int], list[Tensor]]:
        """Return the tokens behind the last block, the patch grid and the taps; no predictions."""
        tokens, grid_hw = self.embed(pixels)
        rope = self.rope(grid_hw, tokens.device)
        ratio, num_patches, taps = self.config.merge_ratio, grid_hw[0] * grid_hw[1], []
        rule = self.config.merge_rope
        merging = TokenMerging(grid_hw, ratio, tokens.device, rule) if ratio else None
        for index, block in enumerate(self.blocks):
            if index == self.config.depth - self.config.num_query_blocks:
                tokens = self.join_queries(tokens)
            tokens = block(tokens, rope, merging=merging)
            if index in self.config.taps:
                taps.append(self.patch_tokens(tokens, num_patches))
        return tokens, grid_hw, taps

    def training_losses(
        self, pixels: Float[Tensor, "batch 3 h w"], step: TrainingStep
    ) -> dict[str, Tensor]:
        """See `Segmenter`; all predictions before and after the query blocks are learned from."""
        num_blocks, num_queries = self.config.num_query_blocks, self.config.num_queries
        gates = gate_probabilities(step.samples_seen, gate_stretches(step.settings, num_blocks))
        drawn = [
            torch.rand((num_blocks, num_queries), generator=generator, device=generator.device)
            for generator in step.generators
        ]
        draws = torch.stack(drawn, dim=1)
        predictions = self.forward_deep(pixels, gates, draws, step.settings.upscale_all)
        logits = [(classes, masks) for classes, masks, _ in predictions]
        return step.losses(logits, predictions[-1][2])

    def forward_deep(
        self,
        pixels: Float[Tensor, "batch 3 h w"],
        gate_probability: list[float],
        draws: Float[Tensor, "block batch query"] | None = None,
        upscale: bool = False,
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return the predictions before every query block and after the last, for training.

        Args:
            gate_probability: for each query block, the chance that a query may look only at the
                patches under its current mask (EoMT's annealed masked attention: 1 -> 0).
            draws: uniform in 0..1, what decides about each query's chance; drawn here by default.
            upscale: whether the earlier masks have full mask resolution, too, as in EoMT; without
                it they are on the patch grid, which is cheaper.
        """
        tokens, grid_hw = self.embed(pixels)
        rope = self.rope(grid_hw, tokens.device)
        first = self.config.depth - self.config.num_query_blocks
        predictions = []
        for index, block in enumerate(self.blocks):
            mask = None
            if index == first:
                tokens = self.join_queries(tokens)
            if index >= first:
                predictions.append(self.predict(tokens, grid_hw, upscale=upscale))
                chance = gate_probability[index - first]
                if chance > 0:
                    masks = functional.interpolate(predictions[-1][1], grid_hw, mode="bilinear")
                    drawn = None if draws is None else draws[index - first]
                    mask = self.attention_gate(masks, tokens.shape[1], chance, drawn)
            tokens = block(tokens, rope, mask)
        predictions.append(self.predict(tokens, grid_hw))
        return predictions

    def learning_rate(self, name: str, settings: Any) -> LearningRate:
        """See `Segmenter`: the ViT learns block by block slower, all else at the full rate.

        The network of a pretrained stem has a factor of its own on top.
        """
        if not is_backbone(name):
            return LearningRate()
        scale = rate_scale(name, settings, self.config.depth, self.config.num_query_blocks)
        if name.startswith(PRETRAINED):
            scale *= settings.stem_rate
        return LearningRate(scale, backbone=True)

    def frozen_parts(self, samples_seen: int, settings: Any) -> list[nn.Module]:
        """See `Segmenter`: the network of a pretrained stem waits until its time has come."""
        if isinstance(self.stem, EfficientNetStem) and samples_seen < settings.stem_frozen_samples:
            return [self.stem.network]
        return []

    def num_tokens(self, image_hw: Sequence[int]) -> int:
        """See `Segmenter`; sequences are longest in the query blocks."""
        patch = self.config.patch_size
        patches = (image_hw[0] // patch) * (image_hw[1] // patch)
        return self.config.num_queries + self.num_prefix_tokens + patches

    def parts_without_features(self) -> list[nn.Module | nn.Parameter]:
        """See `Segmenter`: the heads, blocks behind the last tap, queries that join there."""
        last, depth = max(self.config.taps), self.config.depth
        heads = [self.norm, self.class_head, self.mask_head, self.upscale]
        parts: list[nn.Module | nn.Parameter] = [*heads, *self.blocks[last + 1 :]]
        if last < depth - self.config.num_query_blocks:
            parts.append(self.queries)
        return parts

    def join_queries(self, tokens: Float[Tensor, "b t d"]) -> Float[Tensor, "b t2 d"]:
        return torch.cat((self.queries.expand(len(tokens), -1, -1), tokens), dim=1)

    def attention_gate(
        self,
        mask_logits: Float[Tensor, "b q h w"],
        num_tokens: int,
        chance: float,
        draws: Float[Tensor, "b q"] | None = None,
    ) -> Bool[Tensor, "b 1 t t"]:
        """Return which token may look at which: only query -> patch attention is restricted.

        A query whose mask is empty looks at no patch (EoMT); queries and prefix stay open to it.
        """
        batch, num_queries = mask_logits.shape[:2]
        inside = mask_logits.detach().flatten(2) > 0
        if draws is None:
            draws = torch.rand(batch, num_queries, device=inside.device)
        free = draws[..., None] >= chance
        shape = (batch, 1, num_tokens, num_tokens)
        allowed = torch.ones(shape, dtype=torch.bool, device=inside.device)
        allowed[:, 0, :num_queries, num_tokens - inside.shape[2] :] = inside | free
        return allowed
