# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The configs are the published networks: parameters and grids."""

import dataclasses
from pathlib import Path

import pytest
import torch

from psg_ros.config import load_config
from psg_ros.modeling.config import ModelConfig, RelationConfig, SegmenterConfig
from psg_ros.modeling.dsflash import DsFlash

CONFIGS = Path(__file__).parents[2] / "config" / "model"


def parameters(module: torch.nn.Module) -> float:
    return sum(p.numel() for p in module.parameters()) / 1e6


@pytest.mark.parametrize(
    ("name", "published_eomt", "published_total"),
    [("dsflash_s", 23.36, 40), ("dsflash_b", 92.43, 116), ("dsflash_l", 315.03, 340)],
)
def test_parameter_counts_are_the_published_ones(name, published_eomt, published_total):
    config = load_config(ModelConfig, CONFIGS / f"{name}.yaml")
    with torch.device("meta"):
        model = DsFlash(config, num_labels=133, num_predicates=56)
    assert parameters(model.segmenter) == pytest.approx(published_eomt, abs=0.01)
    assert parameters(model) == pytest.approx(published_total, rel=0.02)


@pytest.mark.parametrize(
    ("name", "projected"), [("dsflash_s", 37.5), ("dsflash_b", 106.9), ("dsflash_l", 329.7)]
)
def test_projected_taps_are_the_smaller_reading_of_the_paper(name, projected):
    config = load_config(ModelConfig, CONFIGS / f"{name}.yaml")
    relations = dataclasses.replace(config.relations, tap_projection=192)
    with torch.device("meta"):
        model = DsFlash(dataclasses.replace(config, relations=relations), 133, 56)
    assert model.relations.tap_embedding.embed.in_channels == 768
    assert parameters(model) == pytest.approx(projected, rel=0.01)


@pytest.mark.parametrize("change", [{"tap_projection": -1}, {"background": "off"}])
def test_impossible_relation_stages_are_refused_by_name(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        RelationConfig(**change)


def test_published_input_has_forty_patches_and_thirteen_cells_a_side():
    config = load_config(ModelConfig, CONFIGS / "dsflash_s.yaml")
    with torch.device("meta"):
        model = DsFlash(config, num_labels=133, num_predicates=56)
    assert config.segmenter.grid_hw == (40, 40)
    assert model.relations.grid_hw == (13, 13)
    assert model.relations.cell_px == (48, 48)
    assert config.segmenter.mask_stride == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"input_hw": (641, 640)}, "input_hw"),
        ({"dim": 100, "num_heads": 3}, "heads"),
        ({"taps": (2, 12)}, "taps"),
        ({"stem": "resnet"}, "stem"),
        ({"position": "sine"}, "position"),
        ({"merge_rope": "first"}, "merge_rope"),
    ],
)
def test_impossible_sizes_are_refused_by_name(change, named):
    with pytest.raises(ValueError, match=named):
        SegmenterConfig(**change)
