# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Interaction generator: the query of each pair looks at the image and becomes its relation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.network.layers import to_tokens
from psg_ros.network.segmenters.mask2former.position_code import sine_code
from psg_ros.network.spade.config import SpadeConfig


class InteractionGenerator(nn.Module):
    """A transformer decoder over the features of all but the finest grid."""

    def __init__(self, config: SpadeConfig) -> None:
        super().__init__()
        layer = nn.TransformerDecoderLayer(
            config.dim, config.heads, config.hidden, dropout=0.0, batch_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, config.interaction_layers)
        for parameter in self.decoder.parameters():
            if parameter.dim() > 1:  # the layers are copies of one
                nn.init.xavier_uniform_(parameter)

    def forward(
        self, queries: Float[Tensor, "pair dim"], maps: Sequence[Tensor]
    ) -> Float[Tensor, "pair dim"]:
        """Return the relation of each pair.

        Args:
            maps: features of the image [dim, h, w], coarsest first.
        """
        coarse = maps[:-1] if len(maps) > 1 else maps
        cells = [
            to_tokens(one[None])[0] + sine_code((one.shape[1], one.shape[2]), len(one)).to(one)
            for one in coarse
        ]
        return self.decoder(queries[None], torch.cat(cells)[None])[0]
