# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""YOSO: one neck, and kernels that look at the picture a few times."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.network.segmenter import SegmenterOutput, TrainingStep
from psg_ros.network.segmenters.pyramid import OUTPUT_NORMS, PyramidSegmenter
from psg_ros.network.segmenters.yoso.config import YosoConfig
from psg_ros.network.segmenters.yoso.decoder import Decoder
from psg_ros.network.segmenters.yoso.neck import Neck


class Yoso(PyramidSegmenter):
    """Image to class logits, mask logits and, as features, the averaged mask features."""

    config: YosoConfig
    head_parts = ("neck.", "decoder.", *OUTPUT_NORMS)
    undecayed = ("position_bias",)

    def __init__(self, config: YosoConfig, num_labels: int) -> None:
        super().__init__(config, num_labels)
        self.neck = Neck(config)
        self.decoder = Decoder(config, num_labels)
        stages = [f"decoder.stages.{index}." for index in range(config.decoder_stages)]
        attentions = ("feature_attention.weights.", "kernel_attention.weights.")
        by_number = (stage + part for stage in stages for part in attentions)
        self.label_parts = ("decoder.class_heads.", "decoder.proposals.", *by_number)

    def forward(self, pixels: Float[Tensor, "batch 3 h w"]) -> SegmenterOutput:
        """See `Segmenter`; sizes are multiples of 32."""
        mask_features = self.neck(self.maps(pixels))
        classes, masks = self.decoder(mask_features)
        return SegmenterOutput(classes, masks, self.features(mask_features))

    def encode(self, pixels: Float[Tensor, "batch 3 h w"]) -> tuple[Tensor, ...]:
        """See `Segmenter`."""
        return self.features(self.neck(self.maps(pixels)))

    def training_losses(
        self, pixels: Float[Tensor, "batch 3 h w"], step: TrainingStep
    ) -> dict[str, Tensor]:
        """See `Segmenter`; the predictions before and after every stage are learned from."""
        maps = self.maps(pixels, step.generators)
        # Places of sampling are too coarse in bfloat16.
        with torch.autocast(pixels.device.type, enabled=False):
            mask_features = self.neck([one.float() for one in maps])
        return step.losses(self.decoder.predict_all(mask_features), mask_features)

    def parts_without_features(self) -> list[nn.Module | nn.Parameter]:
        """See `Segmenter`: the decoder of the kernels."""
        return [self.decoder]

    def num_tokens(self, image_hw: Sequence[int]) -> int:
        """See `Segmenter`; kernels look at each other."""
        return self.config.num_queries
