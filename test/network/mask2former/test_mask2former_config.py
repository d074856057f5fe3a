# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes that cannot be are refused by name; the configs of the package can be read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from psg_ros.network.config import ModelConfig
from psg_ros.network.segmenters.backbones.config import ResNetConfig, SwinConfig
from psg_ros.network.segmenters.mask2former.config import Mask2FormerConfig, ProScaleConfig
from psg_ros.network.segmenters.table import SEGMENTERS
from psg_ros.setting_files import config_from_dict, load_config
from psg_ros.training.config import Phase, SegmentationTraining
from psg_ros.training.segmenter.segmentation_checks import check_settings

MODELS = Path(__file__).parents[3] / "config" / "model"


@pytest.mark.parametrize(
    ("segmenter", "said"),
    [
        ({"dim": 100}, "dim 100 must be a multiple of 32, and of num_heads 8"),
        ({"num_heads": 12}, "dim 256 must be a multiple of 32, and of num_heads 12"),
        ({"decoder_layers": 8}, "decoder_layers 8 must be a multiple of 3"),
        ({"feature_stride": 12}, "feature_stride must be 4, 8, 16 or 32, not 12"),
        ({"input_hw": [480, 650]}, r"input_hw \(480, 650\) must be multiples of 32 px"),
        (
            {"stages": [3, 3, 0]},
            r"stages \(3, 3, 0\) must have no negative numbers, and at least 1",
        ),
        ({"stages": [-1, 3, 3]}, r"stages \(-1, 3, 3\) must have no negative numbers"),
        ({"stages": [3, 3]}, "stages"),
        ({"recalibration": "on"}, "recalibration must be one of paper, release, off"),
        ({"encoder_layers": 3}, "unknown key 'encoder_layers'"),
        ({"backbone": {"type": "vit"}}, "backbone type must be one of swin, resnet, not 'vit'"),
        ({"backbone": {"depths": [2, 2, 6]}}, r"depths \(2, 2, 6\) must be 4 numbers"),
        ({"backbone": {"depths": []}}, r"depths \(\) must be 4 numbers"),
        ({"backbone": {"num_heads": [3, 6, 12]}}, r"num_heads \(3, 6, 12\) must be 4 numbers"),
        ({"backbone": {"width": 100}}, "100 channels must split into 3 heads"),
        ({"backbone": {"type": "resnet", "window": 7}}, "unknown key 'window'"),
        ({"backbone": {"type": "resnet", "norm": "none"}}, "norm must be one of frozen, batch"),
    ],
)
def test_sizes_that_cannot_be_are_refused(segmenter, said):
    values = {"name": "odd", "segmenter": {"type": "pro_scale", **segmenter}}
    with pytest.raises(ValueError, match=said):
        config_from_dict(ModelConfig, values, "odd.yaml")


def test_a_config_survives_what_run_folders_make_of_it():
    for segmenter in (
        Mask2FormerConfig(backbone=SwinConfig(window=12)),
        ProScaleConfig(backbone=ResNetConfig(block="basic"), stages=(1, 2, 3)),
    ):
        config = ModelConfig("again", segmenter=segmenter)
        assert config_from_dict(ModelConfig, dataclasses.asdict(config), "again") == config


@pytest.mark.parametrize("kind", ["mask2former", "pro_scale"])
def test_the_configs_of_the_package(kind):
    files = sorted(MODELS.glob(f"{kind}_*.yaml"))
    assert len(files) >= 2
    for file in files:
        config = load_config(ModelConfig, file)
        assert config.name == file.stem and type(config.segmenter) is SEGMENTERS[kind].config
        stride, cell = config.segmenter.stride, config.relations.cell_patches
        height, width = config.segmenter.input_hw
        assert height % (stride * cell) == 0, "whole relation cells"
        assert config.segmenter.input_hw == (800, 1344) or width % (stride * cell) == 0


def test_settings_of_others_and_pictures_too_small_for_a_norm_are_refused():
    network = ProScaleConfig(dim=32, num_heads=4)
    settings = SegmentationTraining(phases=(Phase((64, 128), 8),), batch_size=2, warmup_samples=2)
    check_settings(dataclasses.replace(settings, backbone_rate=0.1), network, num_images=5)
    for changes, said in (
        ({"layer_decay": 0.5}, "layer_decay is not a setting of the segmenter pro_scale"),
        ({"phases": (Phase((32, 32), 8),)}, "with dim 32 a norm would see only 1 values"),
        ({"phases": (Phase((32, 48), 8),)}, r"input_hw \(32, 48\) of a phase must be multiples"),
    ):
        with pytest.raises(ValueError, match=said):
            check_settings(dataclasses.replace(settings, **changes), network, num_images=5)
    with pytest.raises(ValueError, match="backbone_rate is not a setting of the segmenter eomt"):
        eomt = SEGMENTERS["eomt"].config()
        check_settings(dataclasses.replace(settings, backbone_rate=0.1), eomt, num_images=5)
