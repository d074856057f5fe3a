# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters and multiply-adds are those that the papers print.

Multiply-adds are counted as fvcore does: matrix products and convolutions by their products, norms
by 5 for each element, enlarging by 4, what is sampled inside of deformable attention not at all.
"""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor, nn

from psg_ros.network.segmenters.backbones.config import (
    BackboneConfig,
    ResNetConfig,
    SwinConfig,
)
from psg_ros.network.segmenters.backbones.resnet import FrozenNorm
from psg_ros.network.segmenters.backbones.swin import WindowAttention
from psg_ros.network.segmenters.mask2former.config import (
    Mask2FormerConfig,
    MaskTransformerConfig,
    ProScaleConfig,
)
from psg_ros.network.segmenters.mask2former.network import Mask2Former
from psg_ros.network.segmenters.mask2former.pixel_decoder import PixelDecoder, Recalibration

SWIN_T, R50 = SwinConfig(), ResNetConfig()
CITYSCAPES, MAIN, OTHERS, COCO = (1024, 2048), (800, 1088), (800, 1216), (800, 1344)
M2F = (0, 0, 6)


def config_of(
    backbone: BackboneConfig, stages: tuple[int, int, int]
) -> Mask2FormerConfig | ProScaleConfig:
    if stages == M2F:
        return Mask2FormerConfig(backbone=backbone)
    return ProScaleConfig(backbone=backbone, stages=stages)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("stages", "pixel_decoders", "models"),
    [
        (M2F, (6_035_904, 5_421_504), (43_983_878, 47_435_264)),
        ((1, 1, 1), (3_175_745, 2_561_345), (41_123_719, 44_575_105)),
        ((2, 2, 2), (5_298_305, 4_683_905), (43_246_279, 46_697_665)),
        ((3, 3, 3), (7_420_865, 6_806_465), (45_368_839, 48_820_225)),
    ],
)
def test_parameters(stages, pixel_decoders, models):
    for backbone, pixel_decoder, whole in zip((R50, SWIN_T), pixel_decoders, models, strict=True):
        with torch.device("meta"):
            model = Mask2Former(config_of(backbone, stages), 133)
        assert count(model.decoder) == 14_493_062
        assert count(model.pixel_decoder) == pixel_decoder
        assert count(model) == whole


def test_parameters_of_the_backbones_and_of_a_layer_of_every_stage():
    with torch.device("meta"):
        model = Mask2Former(ProScaleConfig(stages=(1, 1, 1)), 133)
        resnet = Mask2Former(ProScaleConfig(backbone=R50), 133).backbone
    assert (count(model.backbone), count(resnet)) == (27_520_698, 23_454_912)
    assert [count(layer) for layer in model.pixel_decoder.layers] == [682_848, 707_520, 732_192]


def giga_products(config: MaskTransformerConfig, size_hw: tuple[int, int]) -> float:
    """Run a pixel decoder on shapes alone and count."""
    with torch.device("meta"):
        decoder = PixelDecoder(config)
    maps = [
        torch.empty(1, width, *(size // 4 // 2**level for size in size_hw), device="meta")
        for level, width in enumerate(config.backbone.widths)
    ]
    return counted(decoder, maps)


def counted(module: nn.Module, inputs: Tensor | list[Tensor]) -> float:
    """Return the billions of multiply-adds of a module on the device meta."""
    total = 0

    def linear(module: nn.Linear, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal total
        total += output.numel() * module.in_features

    def convolution(module: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal total
        total += output.numel() * module.weight[0].numel()

    def norm(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal total
        total += (2 if isinstance(module, FrozenNorm) else 5) * output.numel()

    def recalibration(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal total
        total += 4 * output.numel()

    def windows(module: WindowAttention, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        cells, dim = output.shape[-2:]
        total += 2 * output.numel() // dim * cells * dim

    kinds = {
        nn.Linear: linear,
        nn.Conv2d: convolution,
        nn.LayerNorm: norm,
        nn.GroupNorm: norm,
        FrozenNorm: norm,
        Recalibration: recalibration,
        WindowAttention: windows,
    }
    for part in module.modules():
        if type(part) in kinds:
            part.register_forward_hook(kinds[type(part)])
    module(inputs)
    return total / 1e9


def closed_form(config: MaskTransformerConfig, size_hw: tuple[int, int]) -> float:
    """The same from the sizes alone."""
    cells = {stride: size_hw[0] * size_hw[1] // stride**2 for stride in (4, 8, 16, 32)}
    widths = dict(zip((4, 8, 16, 32), config.backbone.widths, strict=True))
    total = sum(cells[k] * (widths[k] * 256 + 1280) for k in (4, 8, 16, 32))
    seen = cells[32], cells[32] + cells[16], cells[32] + cells[16] + cells[8]
    for depth, tokens, cost in zip(
        config.encoder_stages, seen, (682_496, 707_072, 731_648), strict=True
    ):
        total += depth * tokens * cost
    total += cells[4] * (1280 + 65_536)
    if config.recalibrates != "off":
        total += (cells[16] + cells[32]) * 1280
    if config.embeds_pixels == "conv":
        total += cells[4] * 589_824
    return total / 1e9


@pytest.mark.parametrize(
    ("backbone", "stages", "coco", "size_hw", "cityscapes"),
    [
        (SWIN_T, M2F, 116.7, MAIN, 281.1),
        (SWIN_T, (1, 1, 1), 22.885, MAIN, 55.138),
        (SWIN_T, (2, 2, 2), 39.530, MAIN, 95.243),
        (SWIN_T, (3, 3, 3), 56.175, MAIN, 135.35),
        (SWIN_T, (3, 1, 1), 26.874, OTHERS, 57.934),
        (SWIN_T, (1, 3, 1), 32.294, OTHERS, 69.619),
        (SWIN_T, (1, 1, 3), 54.770, OTHERS, 118.07),
        (R50, M2F, 135.1, OTHERS, 291.2),
        (R50, (1, 1, 1), 30.246, OTHERS, 65.205),
        (R50, (2, 2, 2), 48.850, OTHERS, 105.31),
        (R50, (3, 3, 3), 67.453, OTHERS, 145.41),
        (R50, (1, 1, 3), 59.439, OTHERS, None),
    ],
)
def test_multiply_adds_of_the_pixel_decoder(backbone, stages, coco, size_hw, cityscapes):
    config = config_of(backbone, stages)
    for expected, size in ((coco, size_hw), (cityscapes, CITYSCAPES)):
        if expected is None:
            continue
        digits = len(str(expected).partition(".")[2])
        found = giga_products(config, size)
        assert found == pytest.approx(closed_form(config, size), abs=1e-6)
        assert found == pytest.approx(expected, abs=max(0.006, 0.51 * 10**-digits))


def closed_form_of_the_decoder(config: MaskTransformerConfig, num_labels: int) -> float:
    """The published decoder at Cityscapes' size, without what a tracer does not see.

    That is the product of queries and keys in masked attention, which torch adds to the mask in one
    operation.
    """
    queries, dim, hidden = config.num_queries, config.dim, config.decoder_hidden
    cells = [CITYSCAPES[0] * CITYSCAPES[1] // stride**2 for stride in (32, 16, 8, 4)]
    layers, levels = config.decoder_layers, sum(cells[:3])
    cross = layers * 2 * queries * dim**2 + layers // 3 * levels * (2 * dim**2 + queries * dim)
    among = layers * (4 * queries * dim**2 + 2 * queries**2 * dim)
    mlp = layers * queries * 2 * dim * hidden
    head = queries * (dim * (num_labels + 1) + 3 * dim**2 + cells[3] * dim)
    norms = 5 * queries * dim * (3 * layers + layers + 1)
    shrinking = 4 * queries * (layers // 3 * levels + cells[0])
    return (cross + among + mlp + (layers + 1) * head + norms + shrinking) / 1e9


@pytest.mark.parametrize(
    ("backbone", "stages", "expected", "off_by"),
    [
        (R50, M2F, 524.1, 0.05),
        (R50, (1, 1, 1), 298.1, 0.05),
        (R50, (2, 2, 2), 338.2, 0.05),
        (R50, (3, 3, 3), 378.3, 0.05),
        (SWIN_T, M2F, 537.8, 0.2),
        (SWIN_T, (1, 1, 1), 311.9, 0.2),
        (SWIN_T, (2, 2, 2), 352.0, 0.2),
        (SWIN_T, (3, 3, 3), 392.1, 0.2),
    ],
)
def test_multiply_adds_of_the_whole(backbone, stages, expected, off_by):
    """On Cityscapes; the paper counts the evaluation's enlarging and semantic product along."""
    config, num_labels = config_of(backbone, stages), 19
    with torch.device("meta"):
        network = Mask2Former(config, num_labels).backbone.eval()
    pixels = CITYSCAPES[0] * CITYSCAPES[1] / 1e9
    evaluation = config.num_queries * pixels * (2 * 4 + num_labels)
    enlarging = 1024 * pixels / 16
    found = (
        counted(network, torch.empty(1, 3, *CITYSCAPES, device="meta"))
        + closed_form(config, CITYSCAPES)
        + enlarging
        + closed_form_of_the_decoder(config, num_labels)
        + evaluation
    )
    assert found == pytest.approx(expected, abs=off_by)


def test_pro_scale_needs_less_than_half_of_mask2former():
    for backbone in (SWIN_T, R50):
        whole = closed_form(config_of(backbone, M2F), COCO)
        assert closed_form(config_of(backbone, (3, 3, 3)), COCO) <= 0.5 * whole


def test_the_light_pixel_embedding_saves_what_the_paper_says():
    light = ProScaleConfig(stages=(3, 3, 3), recalibration="off")
    heavy = ProScaleConfig(stages=(3, 3, 3), recalibration="off", pixel_embedding="conv")
    saved = closed_form(heavy, CITYSCAPES) - closed_form(light, CITYSCAPES)
    assert saved == pytest.approx(77.31, abs=0.006)


@pytest.mark.slow
def test_fewer_layers_on_the_fine_map_take_less_time():
    """Time of one thread's own work, which other processes on the machine do not count into."""
    times = {}
    for stages in ((1, 1, 1), (3, 3, 3), M2F):
        decoder = PixelDecoder(config_of(SWIN_T, stages)).eval()
        maps = [
            torch.randn(1, width, 256 // 4 // 2**level, 416 // 4 // 2**level)
            for level, width in enumerate(SWIN_T.widths)
        ]
        times[stages] = min(thread_seconds(decoder, maps) for _ in range(3))
    assert 1.5 * times[1, 1, 1] < times[3, 3, 3] < times[M2F] / 1.2


@torch.no_grad()
def thread_seconds(decoder: PixelDecoder, maps: list[Tensor]) -> float:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        start = time.thread_time()
        decoder(maps)
        return time.thread_time() - start
    finally:
        torch.set_num_threads(num_threads)
