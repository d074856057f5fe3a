# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our Mask2Former is the published one: transformers has the same logits for the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from psg_ros.network.checkpoints import mask2former_transformers
from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.checkpoints.converted import checked_weights
from psg_ros.network.segmenters.backbones.config import ResNetConfig
from psg_ros.network.segmenters.mask2former.config import Mask2FormerConfig
from psg_ros.network.segmenters.mask2former.network import Mask2Former

transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-4
MAPS = {"out_features": [f"stage{index}" for index in range(1, 5)]}
TINY = dict(
    feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=48,
    encoder_layers=2, decoder_layers=7, num_attention_heads=4, dim_feedforward=64, num_queries=7,
    num_labels=5,
)  # fmt: skip


def swin(**sizes: Any) -> Any:
    return transformers.SwinConfig(**sizes, **MAPS)


def resnet(**sizes: Any) -> Any:
    return transformers.ResNetConfig(**sizes, **MAPS)


def build_theirs(backbone: Any, **sizes: Any) -> torch.nn.Module:
    """A random model in which no parameter is at its neutral start value, nor a statistic."""
    torch.manual_seed(0)
    config = transformers.Mask2FormerConfig(backbone_config=backbone, **sizes)
    model = transformers.Mask2FormerForUniversalSegmentation(config)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.1 if parameter.ndim < 2 else 0.3 / parameter[0].numel() ** 0.5
            parameter.add_(torch.randn_like(parameter) * spread)
        for name, values in model.named_buffers():
            if name.endswith("running_mean"):
                values.normal_(0, 0.2)
            if name.endswith("running_var"):
                values.uniform_(0.5, 2)
    return model.eval()


@torch.no_grad()
def assert_equal_predictions(theirs: torch.nn.Module, ours: Mask2Former, pixels: torch.Tensor):
    """The last prediction and those that training sees before it."""
    normalised = (pixels - ours.pixel_mean) / ours.pixel_std
    expected = theirs(normalised, output_auxiliary_logits=True)
    found = ours(pixels)
    last = expected.class_queries_logits, expected.masks_queries_logits
    for one, other in zip(found[:2], last, strict=True):
        torch.testing.assert_close(one, other, atol=TOLERANCE, rtol=0)
    assert (last[1] > 0).any() and (last[1] < 0).any(), "masks hide something and show something"
    deep = ours.decoder.predict_all(*ours.decode_pixels(pixels))
    earlier = expected.auxiliary_logits
    assert len(deep) == len(earlier) + 1
    for (classes, masks), other in zip(deep, earlier, strict=False):
        torch.testing.assert_close(classes, other["class_queries_logits"], atol=TOLERANCE, rtol=0)
        torch.testing.assert_close(masks, other["masks_queries_logits"], atol=TOLERANCE, rtol=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", ["swin", "bottleneck", "basic"])
def test_a_small_one_of_a_saved_folder(block, tmp_path):
    if block == "swin":
        sizes = dict(embed_dim=12, depths=[2, 2, 1, 2], num_heads=[1, 2, 3, 4], window_size=3)
        backbone = swin(**sizes, mlp_ratio=2.0)
    else:
        widths = [32, 64, 128, 256] if block == "bottleneck" else [8, 16, 32, 64]
        sizes = dict(embedding_size=8, hidden_sizes=widths, depths=[1, 2, 1, 1])
        backbone = resnet(**sizes, layer_type=block)
    theirs = build_theirs(backbone, **TINY)
    theirs.config.id2label = dict(enumerate(("cup", "chair", "person", "wall", "floor")))
    theirs.save_pretrained(tmp_path)
    converted = convert(str(tmp_path))
    assert (converted.layout, converted.num_labels) == ("transformers", 5)
    assert converted.label_names == ("cup", "chair", "person", "wall", "floor")
    ours = Mask2Former(converted.config, converted.num_labels).eval()
    ours.load_state_dict(converted.weights)
    # Two pictures, not square; no map of theirs consists of whole windows.
    assert_equal_predictions(theirs, ours, torch.rand(2, 3, 64, 160) * 255)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backbone", ["swin", "resnet"])
def test_one_of_published_size_from_memory(backbone):
    config = Mask2FormerConfig()
    if backbone == "resnet":
        config = Mask2FormerConfig(backbone=ResNetConfig())
    theirs = build_theirs(swin() if backbone == "swin" else resnet(), num_labels=133)
    # Version 5 has names in memory that its files do not have.
    renamed = mask2former_transformers.to_ours(theirs.state_dict())
    ours = Mask2Former(config, 133).eval()
    ours.load_state_dict(checked_weights(renamed, config, 133))
    assert_equal_predictions(theirs, ours, torch.rand(1, 3, 96, 160) * 255)
