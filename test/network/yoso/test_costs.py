# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters and multiply-adds are those of the published network.

Multiply-adds are counted as fvcore does: products of convolutions and matrices; norms by 5, batch
norms by 2, enlarging by 4 for each element. It leaves out batch norms that are frozen, deformable
convolutions with what makes their offsets, and the products inside of torch's own attention.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.network.segmenters.backbones.config import ResNetConfig
from psg_ros.network.segmenters.yoso.config import YosoConfig
from psg_ros.network.segmenters.yoso.deformable_conv import DeformableConv
from psg_ros.network.segmenters.yoso.network import Yoso

CITYSCAPES = {
    "backbone": ResNetConfig(norm="batch"), "class_layers": 3, "mask_layers": 3,
}  # fmt: skip
NECK = 15_351_505


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def published() -> Yoso:
    """On COCO, without memory; nothing asks for gradients."""
    with torch.device("meta"):
        return Yoso(YosoConfig(), 133).eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("changes", "num_labels", "head", "model"),
    [
        ({}, 133, 3_230_476, 42_036_893),
        ({}, 150, 3_239_214, 42_045_631),
        (CITYSCAPES, 19, 3_700_264, 42_559_801),
        ({**CITYSCAPES, "num_queries": 150}, 65, 3_788_158, None),
    ],
    ids=["coco", "ade20k", "cityscapes", "mapillary"],
)
def test_parameters(changes, num_labels, head, model):
    with torch.device("meta"):
        network = Yoso(YosoConfig(**changes), num_labels)
    assert (count(network.neck), count(network.decoder)) == (NECK, head)
    assert model is None or count(network) == model


def test_parameters_of_the_parts(published):
    neck, decoder = published.neck, published.decoder
    assert count(published.backbone) == 23_454_912
    assert [count(part) for part in neck.doublings] == [9_163_803, 2_353_691, 619_803]
    assert [count(part) for part in neck.laterals] == [2_098_176, 524_800, 131_328, 32_896]
    aggregation = neck.aggregation
    assert [count(part) for part in aggregation.projections] == [131_072, 65_536, 32_768, 16_384]
    assert aggregation.bias.shape == (1, 128, 1, 1)
    assert (count(neck.smooth), count(neck.locate)) == (147_584, 33_536)
    stage = decoder.stages[0]
    assert count(stage.feature_attention) == count(stage.kernel_attention) == 26_983
    assert count(stage.self_attention) == 263_168
    assert count(stage.fc1) + count(stage.fc2) == 1_050_880
    assert count(decoder.class_heads[0]) == 66_048 + 34_438
    assert count(decoder.mask_heads[0]) == 66_048 + 65_792


@torch.no_grad()
def counted(network: Yoso, size_hw: tuple[int, int]) -> Counter[str]:
    """Run a network on shapes alone and count, by part."""
    total: Counter[str] = Counter()

    def norm(name: str, each: int) -> object:
        return lambda module, inputs, output: total.update({name: each * output.numel()})

    hooks = []
    for name, module in network.named_modules():
        each = 5 * isinstance(module, nn.LayerNorm) + 2 * isinstance(module, nn.BatchNorm2d)
        if each:
            hooks.append(module.register_forward_hook(norm(name.split(".")[0], each)))
    counter = FlopCounterMode(display=False, depth=5)
    with counter:
        network(torch.empty(1, 3, *size_hw, device="meta"))
    for hook in hooks:
        hook.remove()
    products = {
        name.removeprefix("Yoso."): sum(kinds.values()) // 2
        for name, kinds in counter.get_flop_counts().items()
    }
    deformable = [n for n, m in network.named_modules() if isinstance(m, DeformableConv)]
    total["backbone"] += products["backbone"]
    total["offsets"] = sum(products[f"{name}.places"] for name in deformable)
    total["deformable"] = sum(products[name] for name in deformable) - total["offsets"]
    total["neck"] += products["neck"] - total["deformable"] - total["offsets"]
    cells = size_hw[0] * size_hw[1] // 16
    total["neck"] += 4 * 3 * network.config.neck_width * cells
    total["decoder"] += products["decoder"]
    for name in (name for name in products if name.endswith("self_attention")):
        projected = sum(products[f"{name}.{part}_proj"] for part in ("q", "k", "v", "out"))
        total["decoder"] -= products[name] - projected
    return total


def closed_form(config: YosoConfig, num_labels: int, size_hw: tuple[int, int]) -> Counter[str]:
    """The same from the sizes alone; not the backbone."""
    cells = [size_hw[0] * size_hw[1] // stride**2 for stride in (32, 16, 8, 4)]
    widths, dim, narrow = config.lateral_widths, config.dim, config.neck_width
    total: Counter[str] = Counter()
    for size, width in zip(cells, widths, strict=True):
        total["neck"] += size * width * (2 * width + narrow)
    for size, before, after in zip(cells, widths, widths[1:], strict=False):
        total["deformable"] += size * 9 * before * after
        total["offsets"] += size * 9 * before * 27
        total["neck"] += 4 * size * (4 * after**2 + 2 * after) + 2 * size * after
    total["neck"] += cells[3] * (9 * narrow**2 + (narrow + 2) * dim + 4 * 3 * narrow)
    queries = config.num_queries
    mask = cells[3] * dim * queries
    attention = 2 * queries * dim * (config.taps + queries + queries)
    stage = queries * dim * (4 * dim + 2 * config.decoder_hidden + (1 + config.mask_layers) * dim)
    norms = 5 * queries * dim
    total["decoder"] = mask + config.decoder_stages * (
        2 * mask + attention + stage + norms * (6 + config.mask_layers)
    )
    classes = queries * dim * (config.class_layers * dim + num_labels + 1)
    total["decoder"] += classes + norms * config.class_layers
    return total


ONE_CELL = (32, 32)
"""px: every part of the network but the constant one of its decoder grows with the pixels."""


@pytest.fixture(scope="module")
def of_one_cell(published) -> Counter[str]:
    return counted(published, ONE_CELL)


def test_the_closed_form_is_what_the_network_does(published, of_one_cell):
    told = closed_form(published.config, 133, ONE_CELL)
    for part in ("neck", "deformable", "offsets", "decoder"):
        assert of_one_cell[part] == told[part], part


@pytest.mark.parametrize(
    ("size_hw", "backbone", "neck", "deformable", "decoder", "whole"),
    [
        ((1024, 2048), 170.83, 70.94, 28.99, 17.10, 287.9),
        ((800, 1344), 87.6, 36.37, 14.86, 8.92, 147.7),
        ((640, 640), 33.4, 13.86, 5.66, 3.60, 56.5),
        ((512, 800), 33.4, 13.86, 5.66, 3.60, 56.5),
        ((480, 640), 25.0, 10.39, 4.25, 2.78, 42.4),
    ],
    ids=str,
)
def test_multiply_adds(published, of_one_cell, size_hw, backbone, neck, deformable, decoder, whole):
    told = closed_form(published.config, 133, size_hw)
    expected = {"neck": neck, "deformable": deformable, "decoder": decoder}
    assert {part: told[part] / 1e9 for part in expected} == pytest.approx(expected, abs=0.006)
    cells = size_hw[0] * size_hw[1] // (ONE_CELL[0] * ONE_CELL[1])
    convolutions = of_one_cell["backbone"] * cells / 1e9
    assert convolutions == pytest.approx(backbone, abs=0.006 if backbone > 100 else 0.051)
    total = convolutions + sum(told[part] for part in expected) / 1e9
    assert total == pytest.approx(whole, abs=0.051)
