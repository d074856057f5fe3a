# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the words of a prompt are seen: maps of a UNet's cross-attention, recorded as it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

CROSS_ATTENTION = ".attn2."


class Recorder:
    """Stands before the processor of one layer and keeps what it looks at; its output passes.

    Attributes:
        recorded: softmax over tokens, mean of heads [batch, cell, token]; it has its gradient.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.recorded: Tensor | None = None

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        assert encoder_hidden_states is not None, "cross-attention has a context"
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))
        key = attn.head_to_batch_dim(attn.to_k(encoder_hidden_states))
        shares = attn.get_attention_scores(query, key)
        self.recorded = shares.unflatten(0, (-1, attn.heads)).mean(1)
        return self._processor(attn, hidden_states, encoder_hidden_states, *args, **kwargs)


@contextmanager
def recording(unet: Any, places: Sequence[str]) -> Iterator[dict[str, Recorder]]:
    """Record the cross-attention of these parts of the UNet; afterwards it is as it was.

    Args:
        places: some of `psg_ros.network.spade.config.MAP_PLACES`.

    Yields:
        A recorder for each layer, by its name. Each keeps the last call alone.
    """
    stock: dict[str, Any] = dict(unet.attn_processors)
    recorders = {
        name: Recorder(processor)
        for name, processor in stock.items()
        if CROSS_ATTENTION in name and name.startswith(tuple(places))
    }
    unet.set_attn_processor({**stock, **recorders})
    try:
        yield recorders
    finally:
        unet.set_attn_processor(stock)


def merge_maps(
    recorders: dict[str, Recorder], size: int, merge: str
) -> tuple[Float[Tensor, "batch token h w"], ...]:
    """Return the recorded maps as one of `size` x `size`, or one for each grid.

    Every cell sums to 1 over the tokens. Latents are square.

    Args:
        merge: `finest` or `per_resolution`, see `CalibrationConfig.map_merge`.
    """
    grids: dict[int, list[Tensor]] = {}
    for recorder in recorders.values():
        assert recorder.recorded is not None, "the UNet has not run"
        side = round(recorder.recorded.shape[1] ** 0.5)
        wanted = size if merge == "finest" else min(side, size)
        one = recorder.recorded.transpose(1, 2).unflatten(2, (side, side))
        grids.setdefault(wanted, []).append(resized(one, wanted))
    return tuple(torch.stack(maps).mean(0) for _, maps in sorted(grids.items(), reverse=True))


def resized(maps: Float[Tensor, "batch token h w"], size: int) -> Tensor:
    """Return maps of another size: averaged where smaller, between cells where larger."""
    if maps.shape[-1] == size:
        return maps
    if maps.shape[-1] % size == 0:
        return functional.adaptive_avg_pool2d(maps, size)
    return functional.interpolate(maps, (size, size), mode="bilinear", align_corners=False)
