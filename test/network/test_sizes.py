# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The configs are the published networks: parameters and grids."""

import dataclasses
from pathlib import Path

import pytest
import torch

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.setting_files import load_config

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
        model = build_dsflash(config, num_labels=133, num_predicates=56)
    assert parameters(model.segmenter) == pytest.approx(published_eomt, abs=0.01)
    assert parameters(model) == pytest.approx(published_total, rel=0.02)


@pytest.mark.parametrize(
    ("name", "projected"), [("dsflash_s", 37.5), ("dsflash_b", 106.9), ("dsflash_l", 329.7)]
)
def test_projected_taps_are_the_smaller_reading_of_the_paper(name, projected):
    config = load_config(ModelConfig, CONFIGS / f"{name}.yaml")
    relations = dataclasses.replace(config.relations, tap_projection=192)
    with torch.device("meta"):
        model = build_dsflash(dataclasses.replace(config, relations=relations), 133, 56)
    assert model.relations.tap_embedding.embed.in_channels == 768
    assert parameters(model) == pytest.approx(projected, rel=0.01)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tap_projection": -1}, "tap_projection must be 0 or more, not -1"),
        ({"background": "off"}, "background"),
        ({"num_heads": 7}, r"dim 384 must split into 7 heads \(num_heads\)"),
        ({"num_heads": 0}, "num_heads must be 1 or more, not 0"),
        ({"dim": 50, "num_heads": 5}, "dim 50 must be a multiple of 4"),
        ({"depth": 0}, "depth must be 1 or more, not 0"),
        ({"cell_patches": 0}, "cell_patches must be 1 or more, not 0"),
    ],
)
def test_impossible_relation_stages_are_refused_by_name(change, said):
    with pytest.raises(ValueError, match=said):
        RelationConfig(**change)


def test_a_relation_cell_fits_into_the_grid():
    segmenter = EomtConfig(input_hw=(64, 96))
    ModelConfig("small", segmenter=segmenter, relations=RelationConfig(cell_patches=4))
    with pytest.raises(ValueError, match="cell_patches 5 must be 4 or less: .* has 4 x 6 patches"):
        ModelConfig("small", segmenter=segmenter, relations=RelationConfig(cell_patches=5))


def test_scalings_are_refused_by_name_before_any_training():
    wide = EomtConfig(input_hw=(64, 96))
    with pytest.raises(ValueError, match="scaling must be one of area, .*, not 'bicubic'"):
        ModelConfig("small", scaling="bicubic")
    with pytest.raises(ValueError, match=r"needs a square input_hw, not \(64, 96\)"):
        ModelConfig("small", scaling="transformers", segmenter=wide)


def test_published_input_has_forty_patches_and_thirteen_cells_a_side():
    config = load_config(ModelConfig, CONFIGS / "dsflash_s.yaml")
    with torch.device("meta"):
        model = build_dsflash(config, num_labels=133, num_predicates=56)
    assert config.segmenter.grid_hw == (40, 40)
    assert model.relations.grid_hw == (13, 13)
    assert model.relations.cell_px == (48, 48)
    assert config.segmenter.mask_stride == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"input_hw": (641, 640)}, "input_hw"),
        ({"dim": 100, "num_heads": 3}, "heads"),
        ({"input_hw": (0, 640)}, "input_hw"),
        ({"patch_size": 20, "stem": "convolution"}, "patch_size 20 must be a power of 2"),
        ({"patch_size": 18, "input_hw": (36, 36)}, "patch_size 18 must be a multiple of 4"),
        ({"taps": (2, 12)}, "taps"),
        ({"taps": ()}, "taps .* at least one"),
        ({"taps": (2, 5, 5, 11)}, "taps .* must ascend, each block once"),
        ({"taps": (5, 2, 8, 11)}, "taps .* must ascend, each block once"),
        ({"num_query_blocks": 0}, r"num_query_blocks must lie in 1 \.\. 12 \(depth\), not 0"),
        ({"num_query_blocks": 13}, r"num_query_blocks must lie in 1 \.\. 12 \(depth\), not 13"),
        ({"num_queries": 0}, "num_queries must be 1 or more, not 0"),
        ({"num_registers": -1}, "num_registers must be 0 or more, not -1"),
        ({"stem": "resnet"}, "stem"),
        ({"position": "sine"}, "position"),
        ({"merge_rope": "first"}, "merge_rope"),
    ],
)
def test_impossible_sizes_are_refused_by_name(change, named):
    with pytest.raises(ValueError, match=named):
        EomtConfig(**change)
