# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.benchmark.ladder.resnet_fpn import FeaturePyramid, ResNet50, ResNetFpn


def randomise_norms(module: nn.Module) -> None:
    """Give every BatchNorm statistics and weights that a wrong order of layers would show."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (norm.bias, norm.running_mean):
                nn.init.normal_(tensor, std=0.1)


def our_name(name: str) -> str:
    """Return our name of a tensor of transformers' ResNetModel."""
    name = name.replace("embedder.embedder.convolution", "conv1")
    name = name.replace("embedder.embedder.normalization", "bn1")
    name = re.sub(r"encoder\.stages\.(\d)\.layers", lambda m: f"layer{int(m[1]) + 1}", name)
    name = re.sub(r"layer\.(\d)\.convolution", lambda m: f"conv{int(m[1]) + 1}", name)
    name = re.sub(r"layer\.(\d)\.normalization", lambda m: f"bn{int(m[1]) + 1}", name)
    name = name.replace("shortcut.convolution", "downsample.0")
    return name.replace("shortcut.normalization", "downsample.1")


@pytest.mark.parametrize("hw", [(64, 96), (75, 90)])
def test_every_stage_equals_transformers(hw):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ResNetConfig(layer_type="bottleneck", downsample_in_bottleneck=False)
    reference = transformers.ResNetModel(config).eval()
    randomise_norms(reference)
    ours = ResNet50().eval()
    ours.load_state_dict({our_name(k): v for k, v in reference.state_dict().items()})
    images = torch.randn(2, 3, *hw)
    with torch.no_grad():
        expected = reference(images, output_hidden_states=True).hidden_states[1:]
        stages = ours(images)
    assert [s.shape[1] for s in stages] == [256, 512, 1024, 2048]
    for stage, theirs in zip(stages, expected, strict=True):
        assert (stage - theirs).norm() < 1e-4 * theirs.norm()


def restated_block(block: nn.Sequential, features: Tensor) -> Tensor:
    convolution, norm = block
    weight, padding = convolution.weight, convolution.weight.shape[-1] // 2
    mapped = functional.conv2d(features, weight, padding=padding)
    scale = norm.weight / (norm.running_var + 1e-5).sqrt()
    shift = norm.bias - norm.running_mean * scale
    return mapped * scale[:, None, None] + shift[:, None, None]


def nearest(features: Tensor, hw: tuple[int, int]) -> Tensor:
    rows, columns = (
        torch.arange(n) * old // n for n, old in zip(hw, features.shape[-2:], strict=True)
    )
    return features[:, :, rows][..., columns]


@pytest.mark.parametrize("sizes", [[(8, 12), (4, 6), (2, 3)], [(9, 11), (5, 6), (3, 3)]])
def test_pyramid_adds_coarser_levels_from_the_top_down(sizes):
    torch.manual_seed(0)
    channels = (6, 7, 5)
    pyramid = FeaturePyramid(channels, channels=4).eval()
    randomise_norms(pyramid)
    fine, middle, coarse = (torch.randn(2, c, *hw) for c, hw in zip(channels, sizes, strict=True))
    inner = pyramid.inner_blocks
    with torch.no_grad():
        second = restated_block(inner[1], middle)
        second = second + nearest(restated_block(inner[2], coarse), sizes[1])
        first = restated_block(inner[0], fine) + nearest(second, sizes[0])
        expected = restated_block(pyramid.layer_blocks[0], first)
        result = pyramid([fine, middle, coarse])
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)


def test_level_has_a_quarter_of_the_image_a_side():
    with torch.device("meta"):
        model = ResNetFpn()
        assert model(torch.empty(1, 3, 640, 480)).shape == (1, 256, 160, 120)


def test_parameters_are_those_of_the_published_networks():
    with torch.device("meta"):
        model = ResNetFpn()
    # The classifier of 25,557,032 parameters has 2048 * 1000 weights and 1000 biases.
    assert sum(p.numel() for p in model.body.parameters()) == 25_557_032 - 2_049_000
    laterals, level, norms = sum((256, 512, 1024, 2048)) * 256, 9 * 256 * 256, 5 * 2 * 256
    assert sum(p.numel() for p in model.fpn.parameters()) == laterals + level + norms


def torchvision_names(depths: tuple[int, ...]) -> set[str]:
    """Return the convolutions' names in torchvision's state dict below `backbone.`."""
    names = {"body.conv1.weight"}
    for stage, depth in enumerate(depths, start=1):
        blocks = [f"body.layer{stage}.{block}" for block in range(depth)]
        names |= {f"{block}.conv{i}.weight" for block in blocks for i in (1, 2, 3)}
        names.add(f"body.layer{stage}.0.downsample.0.weight")
    names |= {f"fpn.inner_blocks.{level}.0.weight" for level in range(4)}
    return names | {"fpn.layer_blocks.0.0.weight"}


def test_names_are_torchvisions():
    with torch.device("meta"):
        state = ResNetFpn().state_dict()
    convolutions = torchvision_names((3, 4, 6, 3))
    assert {name for name, tensor in state.items() if tensor.ndim == 4} == convolutions
    assert {"body.bn1.running_mean", "body.layer4.2.bn3.weight"} <= state.keys()
    assert {"body.layer1.0.downsample.1.bias", "fpn.inner_blocks.3.1.weight"} <= state.keys()
    assert len(state) == 6 * len(convolutions), "each with its BatchNorm's five tensors"
