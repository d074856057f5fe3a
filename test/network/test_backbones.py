# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the backbones do in training, and how they start from what ImageNet taught."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from mask2former_checkpoints import (
    MASK2FORMER,
    RESNET,
    SWIN,
    detectron2_names,
    small_segmenter,
)

from psg_ros.network.segmenters.backbones.resnet import FrozenNorm, ResNet
from psg_ros.network.segmenters.backbones.swin import Swin
from psg_ros.network.segmenters.mask2former.network import Mask2Former
from psg_ros.training.segmenter.initial_weights import load_initial_weights

PREFIX = "backbone."


def test_deeper_blocks_of_swin_are_skipped_more_often_and_weigh_more_where_they_are_not():
    torch.manual_seed(0)
    swin = Swin(replace(SWIN, drop_path=0.5))
    assert swin.num_draws == 2 * sum(SWIN.depths)
    kept = torch.stack(list(swin.kept(torch.rand(4000, swin.num_draws))))
    assert kept.shape == (5, 2, 4000)
    skipped = (kept == 0).float().mean(dim=(1, 2))
    torch.testing.assert_close(skipped, torch.linspace(0, 0.5, 5), atol=0.02, rtol=0)
    torch.testing.assert_close(kept.mean(dim=(1, 2)), torch.ones(5), atol=0.04, rtol=0)


def test_skipped_branches_are_decided_by_the_draws_of_each_picture_alone():
    torch.manual_seed(0)
    swin = Swin(replace(SWIN, drop_path=0.5))
    pixels, draws = torch.randn(2, 3, 32, 64), torch.rand(2, swin.num_draws)
    whole = swin(pixels, draws)
    alone = swin(pixels[1:], draws[1:])
    for both, one in zip(whole, alone, strict=True):
        torch.testing.assert_close(both[1:], one)
    assert not whole[-1].allclose(swin(pixels)[-1], atol=1e-3), "something is skipped"
    assert Swin(replace(SWIN, drop_path=0.0)).num_draws == 0
    kept_all = swin(pixels, torch.ones(2, swin.num_draws) * 0.999)
    assert all(one.isfinite().all() for one in kept_all)


def test_a_frozen_norm_neither_learns_nor_changes():
    resnet = ResNet(RESNET).train()
    before = {name: value.clone() for name, value in resnet.named_buffers()}
    resnet(torch.randn(2, 3, 32, 64))
    norms = [module for module in resnet.modules() if isinstance(module, FrozenNorm)]
    assert norms and not [p for norm in norms for p in norm.parameters()]
    assert all(value.equal(before[name]) for name, value in resnet.named_buffers())
    learned = ResNet(replace(RESNET, norm="batch"))
    assert learned.bn1.weight.requires_grad and learned.state_dict().keys() >= before.keys()


@pytest.mark.parametrize("backbone", [SWIN, RESNET], ids=lambda one: one.type)
def test_it_starts_from_a_classifier_of_imagenet(backbone, tmp_path):
    config = replace(MASK2FORMER, backbone=backbone)
    given = small_segmenter(config).backbone.state_dict()
    if backbone is SWIN:  # its own code; the norms of the maps are Mask2Former's
        named = {name: value for name, value in given.items() if ".norm." not in name[:14]}
        named = {
            name.removeprefix(PREFIX): value
            for name, value in detectron2_names({PREFIX + n: v for n, v in named.items()}).items()
        }
        named |= {"norm.weight": torch.ones(96), "head.weight": torch.ones(1000, 96)}
        saved = {"model": named}
    else:  # torchvision
        saved = {**given, "fc.weight": torch.ones(1000, 256), "fc.bias": torch.ones(1000)}
        saved["bn1.num_batches_tracked"] = torch.tensor(3)
    torch.save(saved, tmp_path / "imagenet.pth")
    model = Mask2Former(config, num_labels=3)
    random = load_initial_weights(model, str(tmp_path / "imagenet.pth"), "segmenter.safetensors")
    assert all(name.startswith(model.head_parts) for name in random)
    for name, value in model.backbone.state_dict().items():
        assert (PREFIX + name in random) != value.equal(given[name]), name


def test_a_file_of_something_else_is_refused(tmp_path):
    torch.save({"layer1.conv.weight": torch.ones(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="neither from .psg convert. nor a backbone .*layer1.conv"):
        load_initial_weights(
            Mask2Former(MASK2FORMER, 3), str(tmp_path / "other.pth"), "segmenter.safetensors"
        )
