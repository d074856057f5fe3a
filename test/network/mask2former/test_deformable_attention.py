# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Deformable attention samples where it says, also outside of the map."""

from __future__ import annotations

import torch
from torch import Tensor

from psg_ros.network.segmenters.mask2former.deformable_attention import DeformableAttention
from psg_ros.network.segmenters.mask2former.position_code import cell_centres

SIZES_HW = ((2, 3), (4, 6), (8, 12))
DIM, HEADS, POINTS = 32, 4, 4


def attention() -> DeformableAttention:
    torch.manual_seed(0)
    module = DeformableAttention(DIM, HEADS, POINTS, len(SIZES_HW))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return module


def tokens() -> Tensor:
    return torch.randn(2, sum(h * w for h, w in SIZES_HW), DIM)


def centres() -> Tensor:
    return torch.cat([cell_centres(size) for size in SIZES_HW])


def gathered(module: DeformableAttention, query: Tensor, value: Tensor) -> Tensor:
    """The definition: four cells around every place, those outside of the map count as 0."""
    batch, length = query.shape[:2]
    shape = (batch, length, HEADS, len(SIZES_HW), POINTS)
    offsets = module.sampling_offsets(query).view(*shape, 2)
    weights = module.attention_weights(query).view(*shape[:3], -1).softmax(-1).view(shape)
    values = module.value_proj(value).view(batch, length, HEADS, DIM // HEADS)
    mixed, start = torch.zeros(batch, length, HEADS, DIM // HEADS), 0
    batches = torch.arange(batch)[:, None, None, None]
    heads = torch.arange(HEADS)[None, None, :, None]
    for level, (height, width) in enumerate(SIZES_HW):
        x = (centres()[None, :, None, None, 0] + 1) / 2 * width + offsets[:, :, :, level, :, 0]
        y = (centres()[None, :, None, None, 1] + 1) / 2 * height + offsets[:, :, :, level, :, 1]
        for down in (0, 1):
            for right in (0, 1):
                column, row = (x - 0.5).floor() + right, (y - 0.5).floor() + down
                share = (1 - (x - 0.5 - column).abs()) * (1 - (y - 0.5 - row).abs())
                inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
                cell = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
                found = values[batches, start + cell.long(), heads]
                weight = weights[:, :, :, level] * share * inside
                mixed = mixed + (found * weight[..., None]).sum(dim=3)
        start += height * width
    return module.output_proj(mixed.flatten(2))


def test_it_samples_bilinearly_between_the_four_nearest_cells():
    module, query, value = attention(), tokens(), tokens()
    found = module(query, value, centres(), SIZES_HW)
    torch.testing.assert_close(found, gathered(module, query, value), atol=5e-6, rtol=0)


def test_places_outside_of_the_map_count_as_zero():
    module, value = attention(), tokens()
    with torch.no_grad():
        module.sampling_offsets.weight.zero_()
        module.sampling_offsets.bias.fill_(100)
    found = module(tokens(), value, centres(), SIZES_HW)
    assert found.allclose(module.output_proj.bias.expand_as(found), atol=1e-6)


def test_it_begins_with_heads_that_look_in_all_directions():
    module = DeformableAttention(DIM, 8, POINTS, 2)
    places = module.sampling_offsets.bias.view(8, 2, POINTS, 2)
    assert places[0, 0].tolist() == [[step, 0] for step in (1, 2, 3, 4)]
    torch.testing.assert_close(places[1, 1], torch.tensor([[k, k] for k in (1.0, 2, 3, 4)]))
    torch.testing.assert_close(places[4, 0], -places[0, 0], atol=1e-5, rtol=0)
    assert not module.sampling_offsets.weight.any() and not module.attention_weights.weight.any()
