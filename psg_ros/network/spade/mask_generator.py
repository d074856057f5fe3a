# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segments and what is known of each: found in the image, or given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.segmenters.backbones.config import NUM_MAPS, BackboneConfig
from psg_ros.network.segmenters.mask2former.config import Mask2FormerConfig
from psg_ros.network.segmenters.mask2former.masked_decoder import MaskedDecoder
from psg_ros.network.segmenters.mask2former.pixel_decoder import PixelDecoder
from psg_ros.network.spade.config import SpadeConfig

ATTENTION_LAYERS = 2


@dataclass(frozen=True)
class UnetMaps(BackboneConfig):
    """The projected features in place of a backbone.

    Attributes:
        width: of every map.
    """

    type: str = field(default="unet", init=False)
    depths: tuple[int, ...] = (1,) * NUM_MAPS
    width: int = 256

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.width,) * NUM_MAPS


class InternalMasks(nn.Module):
    """Mask2Former's two decoders on the features of the UNet; masks are at a stride of 8 px.

    Args:
        num_maps: of the UNet; four are needed.

    Raises:
        ValueError: another number of maps.
    """

    def __init__(self, config: SpadeConfig, num_maps: int) -> None:
        super().__init__()
        if num_maps != NUM_MAPS:
            raise ValueError(
                f"mask_source internal needs a UNet with {NUM_MAPS} blocks, not {num_maps}; take "
                "mask_source external"
            )
        sizes = Mask2FormerConfig(
            num_queries=config.num_queries,
            backbone=UnetMaps(width=config.dim),
            dim=config.dim,
            num_heads=config.heads,
            encoder_layers=config.encoder_layers,
            encoder_hidden=max(config.hidden // 2, 1),
            decoder_layers=config.decoder_layers,
            decoder_hidden=config.hidden,
        )
        self.pixel_decoder = PixelDecoder(sizes)
        self.decoder = MaskedDecoder(sizes, num_labels=0)
        # Classes are words, see `WordScores`.
        self.decoder.add_module("class_head", nn.Identity())

    def forward(
        self, maps: Sequence[Tensor]
    ) -> tuple[Float[Tensor, "query dim"], Float[Tensor, "query h w"]]:
        """Return the queries after the last layer and the logits of their masks.

        Args:
            maps: [dim, h, w], coarsest first.
        """
        mask_features, encoded = self.pixel_decoder([one[None] for one in reversed(maps)])
        *_, queries = self.decoder.states(mask_features, encoded)
        embedded, logits = self.decoder.predict(queries, mask_features)
        return embedded[0], logits[0]


class ExternalMasks(nn.Module):
    """Features averaged over masks that somebody else has found, and attention among them.

    The published network has no such way: it lets the relation stage work beside another segmenter.
    """

    def __init__(self, config: SpadeConfig) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            config.dim, config.heads, config.hidden, dropout=0.0, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, ATTENTION_LAYERS, enable_nested_tensor=False)

    def forward(
        self, maps: Sequence[Tensor], masks: Float[Tensor, "node h w"]
    ) -> Float[Tensor, "node dim"]:
        """Return what is known of each segment.

        Args:
            masks: 0..1 over the whole image; at least one.
        """
        averages = [mask_average(one, masks) for one in maps]
        return self.layers(torch.stack(averages).mean(0)[None])[0]


def mask_average(
    features: Float[Tensor, "dim h w"], masks: Float[Tensor, "node mask_h mask_w"]
) -> Float[Tensor, "node dim"]:
    """Return the mean of the features in each mask; 0 for an empty one."""
    size_hw = (features.shape[1], features.shape[2])
    shares = functional.adaptive_avg_pool2d(masks[None], size_hw)[0].flatten(1)
    return shares @ features.flatten(1).T / shares.sum(1, keepdim=True).clamp(min=1e-6)
