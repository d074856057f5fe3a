# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and settings of YOSO, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from psg_ros.network.config import ModelConfig
from psg_ros.network.segmenters.backbones.config import ResNetConfig
from psg_ros.network.segmenters.yoso.config import YosoConfig
from psg_ros.setting_files import config_from_dict, load_config
from psg_ros.training.config import Phase, SegmentationTraining
from psg_ros.training.segmenter.segmentation_checks import check_settings

MODELS = Path(__file__).parents[3] / "config" / "model"


def test_the_defaults_are_the_published_network():
    config = load_config(ModelConfig, MODELS / "yoso_r50.yaml").segmenter
    assert config == YosoConfig()
    assert isinstance(config, YosoConfig)
    assert config.backbone == ResNetConfig(norm="frozen")
    assert config.lateral_widths == (1024, 512, 256, 128)
    assert (config.num_queries, config.decoder_stages, config.taps) == (100, 2, 3)


@pytest.mark.parametrize("name", ["yoso_r50", "yoso_small"])
def test_the_configs_of_the_package_have_whole_relation_cells(name):
    config = load_config(ModelConfig, MODELS / f"{name}.yaml")
    assert config.name == name
    cell = config.segmenter.stride * config.relations.cell_patches
    height, width = config.segmenter.input_hw
    assert height % cell == 0 and (width % cell == 0 or width == 1344)


@pytest.mark.parametrize(
    ("segmenter", "said"),
    [
        ({"input_hw": [480, 650]}, r"input_hw \(480, 650\) must be multiples of 32 px"),
        ({"attention": "all"}, "attention must be one of sdca, mhca, dca, ddca, pdca, not 'all'"),
        ({"aggregation": "fpn"}, "aggregation must be one of cfa, ifa"),
        ({"deformable": "dcn"}, "deformable must be one of grid_sample, deform_conv"),
        ({"taps": 2}, "taps 2 must be odd"),
        ({"taps": 0}, "taps must be 1 or more"),
        ({"decoder_stages": 0}, "decoder_stages must be 1 or more"),
        ({"num_queries": 0}, "num_queries must be 1 or more"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"dim": 100}, r"dim 100 must split into 8 heads \(num_heads\)"),
        ({"feature_stride": 12}, "feature_stride must be 4, 8, 16 or 32, not 12"),
        ({"backbone": {"block": "basic", "type": "resnet", "width": 5}}, "must be even"),
        ({"stages": [1, 1, 1]}, "unknown key 'stages'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(segmenter, said):
    values = {"name": "odd", "segmenter": {"type": "yoso", **segmenter}}
    with pytest.raises(ValueError, match=said):
        config_from_dict(ModelConfig, values, "odd.yaml")


def test_a_config_survives_what_run_folders_make_of_it():
    config = ModelConfig("again", segmenter=YosoConfig(attention="dca", taps=5, temperature=0.5))
    assert config_from_dict(ModelConfig, dataclasses.asdict(config), "again") == config


def test_settings_of_others_and_pictures_too_small_for_a_norm_are_refused():
    settings = SegmentationTraining(phases=(Phase((32, 64), 8),), batch_size=2, warmup_samples=2)
    check_settings(dataclasses.replace(settings, backbone_rate=0.1), YosoConfig(), num_images=5)
    for changes, said in (
        ({"layer_decay": 0.5}, "layer_decay is not a setting of the segmenter yoso"),
        ({"phases": (Phase((32, 32), 8),)}, "must be larger: of its 1 cell of 32 px no norm can"),
        ({"phases": (Phase((32, 48), 8),)}, r"input_hw \(32, 48\) of a phase must be multiples"),
    ):
        with pytest.raises(ValueError, match=said):
            check_settings(dataclasses.replace(settings, **changes), YosoConfig(), num_images=5)
