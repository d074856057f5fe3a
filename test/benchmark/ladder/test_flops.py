# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counted arithmetic against torch's own counter, and against the published networks."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.benchmark.ladder import flops
from psg_ros.benchmark.ladder.flops import PairTokens
from psg_ros.benchmark.ladder.resnet_fpn import ResNetFpn
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.segmenters.eomt import Eomt, make_stem
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.setting_files import load_config

CONFIGS = Path(__file__).parents[3] / "config" / "model"
NUM_LABELS, NUM_PREDICATES = 133, 56
VARIANTS = ("dsflash_s", "dsflash_b", "dsflash_l")


def load(name: str) -> ModelConfig:
    return load_config(ModelConfig, CONFIGS / f"{name}.yaml")


def segmenter_of(name: str) -> EomtConfig:
    config = load(name).segmenter
    assert isinstance(config, EomtConfig)
    return config


def count(run) -> dict[str, int]:
    """Return torch's FLOPs by module; "Global" is everything."""
    # The counter does not know every fused attention; the plain one is two matrix products.
    with torch.no_grad(), FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    return {name: sum(by_kind.values()) for name, by_kind in counter.get_flop_counts().items()}


def counted_segmenter(config) -> dict[str, int]:
    """Return torch's FLOPs of EoMT by the names of `segmenter_flops`; no memory is needed."""
    with torch.device("meta"):
        model = Eomt(config, NUM_LABELS).eval()
        pixels = torch.zeros(1, 3, *config.input_hw)
    counts = count(lambda: model(pixels))
    blocks = [counts[f"Eomt.blocks.{index}"] for index in range(config.depth)]
    plain = config.depth - config.num_query_blocks
    stages = {
        "patch embedding": counts["Eomt.stem"],
        "blocks without queries": sum(blocks[:plain]),
        "blocks with queries": sum(blocks[plain:]),
        "upscaling": counts["Eomt.upscale"],
        "heads": counts["Eomt.class_head"] + counts["Eomt.mask_head"],
    }
    return {**stages, "mask product": counts["Global"] - sum(stages.values())}


@pytest.mark.parametrize("name", [*VARIANTS, "demo"])
def test_every_stage_of_the_segmenter_agrees_with_torch(name):
    config = load(name).segmenter
    expected = counted_segmenter(config)
    ours = flops.segmenter_flops(config, NUM_LABELS)
    assert ours.keys() == expected.keys()
    for stage, value in expected.items():
        assert ours[stage] == pytest.approx(value, rel=0.01), stage


@pytest.mark.parametrize("ratio", [0.3, 0.75])
def test_token_merging_agrees_with_torch(ratio):
    config = dataclasses.replace(segmenter_of("dsflash_s"), merge_ratio=ratio)
    expected, ours = counted_segmenter(config), flops.segmenter_flops(config, NUM_LABELS)
    for stage in ("blocks without queries", "blocks with queries"):
        assert ours[stage] == pytest.approx(expected[stage], rel=0.01)
    plain = flops.segmenter_flops(load("dsflash_s").segmenter, NUM_LABELS)
    assert ours["blocks without queries"] < plain["blocks without queries"]


@pytest.mark.parametrize(
    ("name", "vit_gmac", "total_gflop", "embedding_gflop"),
    [
        ("dsflash_s", 60.9, 135.6, 1.8),
        ("dsflash_b", 192, 431.1, 3.6),
        ("dsflash_l", 628, 1335.9, 4.8),
    ],
)
def test_published_sizes_have_the_work_that_follows_from_the_paper(
    name, vit_gmac, total_gflop, embedding_gflop
):
    config = load(name)
    stages = flops.segmenter_flops(config.segmenter, NUM_LABELS)
    vit = sum(stages[s] for s in stages if "blocks" in s or s == "patch embedding")
    assert vit / 2e9 == pytest.approx(vit_gmac, rel=0.01)
    assert sum(stages.values()) / 1e9 == pytest.approx(total_gflop, rel=0.01)
    embedding = flops.tap_embedding(config.segmenter, config.relations)
    assert embedding / 1e9 == pytest.approx(embedding_gflop, rel=0.01)


@pytest.mark.parametrize(
    ("tokens", "plain", "class_only"),
    [(171, 3.90, 3.36), (86, 1.90, 1.63), (18, 0.39, 0.34)],
)
def test_neck_of_a_pair_has_the_work_that_follows_from_the_paper(tokens, plain, class_only):
    pairs = PairTokens(np.array([tokens]), np.array([tokens]))
    for only, expected in ((False, plain), (True, class_only)):
        stages = flops.neck(RelationConfig(), pairs, 2, class_only=only)
        assert stages["neck"] / 1e9 == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    ("name", "changes"),
    [*((name, {}) for name in VARIANTS), ("dsflash_b", {"tap_projection": 192}),
     ("dsflash_s", {"background": "onoff"})],
    ids=str,
)  # fmt: skip
def test_every_stage_of_the_relations_agrees_with_torch(name, changes):
    config, num_pairs = load(name), 7
    relations = dataclasses.replace(config.relations, **changes)
    config = dataclasses.replace(config, relations=relations)
    with torch.device("meta"):
        stage = RelationStage(config, NUM_PREDICATES).eval()
        segmenter = segmenter_of(name)
        taps = [torch.zeros(1, 1600, segmenter.dim) for _ in segmenter.taps]
        overlap, boxes = torch.zeros(num_pairs, 169), torch.zeros(num_pairs, 8)
    counts = count(lambda: stage(stage.tap_embedding(taps), overlap, overlap, boxes))
    pairs = PairTokens(np.full(num_pairs, 171), np.full(num_pairs, 171))
    ours = flops.neck(config.relations, pairs, 2, class_only=True)
    parts = "RelationStage."
    location = counts[f"{parts}neck.location"]
    expected = {
        "mask embedding": counts[f"{parts}mask_embedding"] + location,
        "neck": counts[f"{parts}neck"] - location,
    }
    for stage_name, value in expected.items():
        assert ours[stage_name] == pytest.approx(value, rel=0.01), stage_name
    embedding = flops.tap_embedding(config.segmenter, config.relations)
    assert embedding == pytest.approx(counts["TapEmbedding"], rel=0.01)
    head = flops.relation_head(config.relations, num_pairs, NUM_PREDICATES + 1)
    assert head == pytest.approx(counts[f"{parts}head"], rel=0.01)


@pytest.mark.parametrize("network", ["resnet", "stem"])
def test_convolutions_agree_with_torch(network):
    config = load("demo").segmenter
    with torch.device("meta"):
        module = (ResNetFpn() if network == "resnet" else make_stem(config)).eval()
        image = torch.zeros(1, 3, 256, 320)
    expected = count(lambda: module(image))["Global"]
    assert flops.convolutions(module, (256, 320)) == pytest.approx(expected, rel=0.01)
