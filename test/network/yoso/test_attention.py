# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The dynamic convolutions against torch's own; what dividing the values changes; what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from yoso_checkpoints import YOSO

from psg_ros.network.segmenters.yoso.attention import KINDS, DynamicAttention
from psg_ros.network.segmenters.yoso.config import ATTENTIONS, YosoConfig

PUBLISHED = {
    "mhca": 31_462_400, "sdca": 5_401_600, "dca": 15_488_000, "pdca": 5_248_000, "ddca": 281_600,
}  # fmt: skip
"""Multiply-adds with 100 queries of 256 channels, 3 taps."""


def test_the_config_knows_all_kinds():
    assert tuple(KINDS) == ATTENTIONS


def attention(kind: str, taps: int = 3, scale: float = 1.0) -> DynamicAttention:
    torch.manual_seed(0)
    return KINDS[kind](replace(YOSO, taps=taps), scale)


def kernels_and_values() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, YOSO.num_queries, YOSO.dim), torch.randn(2, YOSO.num_queries, YOSO.dim)


def convolved(kind: str, weights: Tensor, values: Tensor, taps: int) -> Tensor:
    """One picture's values by torch's convolutions: queries are channels, channels are places."""
    count, side = len(values), taps // 2
    depthwise = weights[:, :taps].reshape(count, 1, taps)
    if kind == "ddca":
        return functional.conv1d(values, depthwise, padding=side, groups=count)
    if kind == "pdca":
        return functional.conv1d(values, weights[:, :, None])
    if kind == "dca":
        return functional.conv1d(values, weights.unflatten(1, (count, taps)), padding=side)
    first = functional.conv1d(values, depthwise, padding=side, groups=count).relu()
    return functional.conv1d(first, weights[:, taps:, None])


@pytest.mark.parametrize("taps", [1, 3, 5])
@pytest.mark.parametrize("kind", ["sdca", "dca", "ddca", "pdca"])
@torch.no_grad()
def test_a_dynamic_convolution_is_one_of_torch_with_weights_of_its_own_for_each_picture(kind, taps):
    module = attention(kind, taps)
    kernels, values = kernels_and_values()
    weights = module.weights(kernels)
    pairs = zip(weights, values, strict=True)
    expected = torch.stack([convolved(kind, one, value, taps) for one, value in pairs])
    torch.testing.assert_close(module.mix(weights, values), expected, atol=2e-6, rtol=0)
    torch.testing.assert_close(module(kernels, values), module.norm(expected), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ATTENTIONS)
@torch.no_grad()
def test_values_divided_by_a_power_of_two_give_the_same_to_the_bit(kind):
    kernels, values = kernels_and_values()
    whole, divided = attention(kind), attention(kind, scale=256.0)
    assert torch.equal(divided(kernels, values / 256), whole(kernels, values))


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_multiply_adds_are_those_of_the_paper(kind):
    config, counter = YosoConfig(), FlopCounterMode(display=False)
    with torch.device("meta"):
        module, tokens = KINDS[kind](config, 1.0), torch.empty(1, 100, 256)
    with counter:
        module(tokens, tokens)
    total = counter.get_total_flops() // 2 + 5 * tokens.numel()
    if kind in ("sdca", "ddca"):  # products of elements, which the counter leaves out
        total += config.taps * tokens.numel()
    assert total == PUBLISHED[kind]
