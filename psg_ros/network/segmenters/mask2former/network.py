# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mask2Former and PRO-SCALE: one network, whose config says how its pixel decoder encodes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.network.segmenter import SegmenterOutput, TrainingStep
from psg_ros.network.segmenters.mask2former.config import MaskTransformerConfig
from psg_ros.network.segmenters.mask2former.masked_decoder import MaskedDecoder
from psg_ros.network.segmenters.mask2former.pixel_decoder import PixelDecoder
from psg_ros.network.segmenters.pyramid import OUTPUT_NORMS, PyramidSegmenter

LABEL_PARTS = ("decoder.class_head.", "decoder.query_features", "decoder.query_positions")
HEAD_PARTS = ("pixel_decoder.", "decoder.", *OUTPUT_NORMS)
FINEST_ATTENTION = 8
"""px, stride of the finest map that the queries look at."""


class Mask2Former(PyramidSegmenter):
    """Image to class logits, mask logits and, as features, the averaged mask features."""

    config: MaskTransformerConfig
    label_parts = LABEL_PARTS
    compares_words = True
    head_parts = HEAD_PARTS
    undecayed = ("query_features", "query_positions", "level_codes", "position_bias")

    def __init__(self, config: MaskTransformerConfig, num_labels: int) -> None:
        super().__init__(config, num_labels)
        self.pixel_decoder = PixelDecoder(config)
        self.decoder = MaskedDecoder(config, num_labels)

    def forward(self, pixels: Float[Tensor, "batch 3 h w"]) -> SegmenterOutput:
        """See `Segmenter`; sizes are multiples of 32."""
        mask_features, maps = self.decode_pixels(pixels)
        classes, masks = self.decoder(mask_features, maps)
        return SegmenterOutput(classes, masks, self.features(mask_features))

    def encode(self, pixels: Float[Tensor, "batch 3 h w"]) -> tuple[Tensor, ...]:
        """See `Segmenter`."""
        return self.features(self.decode_pixels(pixels)[0])

    def decode_pixels(
        self, pixels: Float[Tensor, "batch 3 h w"]
    ) -> tuple[Float[Tensor, "batch dim h4 w4"], list[Tensor]]:
        """Return mask features and encoded maps."""
        return self.pixel_decoder(self.maps(pixels))

    def training_losses(
        self, pixels: Float[Tensor, "batch 3 h w"], step: TrainingStep
    ) -> dict[str, Tensor]:
        """See `Segmenter`; the predictions before and after every layer are learned from."""
        maps = self.maps(pixels, step.generators)
        # As published: places of sampling are too coarse in bfloat16.
        with torch.autocast(pixels.device.type, enabled=False):
            mask_features, encoded = self.pixel_decoder([one.float() for one in maps])
        predictions = self.decoder.predict_all(mask_features, encoded)
        return step.losses(predictions, mask_features)

    def parts_without_features(self) -> list[nn.Module | nn.Parameter]:
        """See `Segmenter`: the decoder of the queries."""
        return [self.decoder]

    def num_tokens(self, image_hw: Sequence[int]) -> int:
        """See `Segmenter`; queries look at the cells of a map, and at each other."""
        height, width = (size // FINEST_ATTENTION for size in image_hw)
        return max(height * width, self.config.num_queries)
