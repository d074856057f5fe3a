# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which parameter learns how fast, and which is decayed."""

from dataclasses import replace

import pytest
import torch
from mask2former_checkpoints import MASK2FORMER

from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.segmenters.mask2former.network import Mask2Former
from psg_ros.training.config import Phase, SegmentationTraining
from psg_ros.training.optimizer import make_optimizer, set_learning_rates

NETWORK = EomtConfig(
    input_hw=(32, 32), dim=16, depth=4, num_heads=2, num_queries=3, num_query_blocks=2, taps=(3,)
)
SETTINGS = SegmentationTraining(phases=(Phase((32, 32), 100),), learning_rate=1.0, warmup_samples=0)
EOMT = replace(SETTINGS, layer_decay=0.8, schedule="poly", decay_vectors=True)


@pytest.fixture(scope="module")
def model() -> Eomt:
    return Eomt(NETWORK, num_labels=2)


def rates(model: Eomt, settings: SegmentationTraining, seen: int = 0) -> dict[str, float]:
    """The learning rate of every parameter by its name."""
    optimizer = make_optimizer(model, settings)
    set_learning_rates(optimizer, settings, seen)
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: group["lr"] for group in optimizer.param_groups for p in group["params"]}


def test_every_parameter_is_learned_once(model):
    head = torch.nn.Conv2d(16, 2, kernel_size=1)
    optimizer = make_optimizer(model, EOMT, head)
    learned = [p for group in optimizer.param_groups for p in group["params"]]
    assert len(learned) == len(set(learned))
    assert set(learned) == {*model.parameters(), *head.parameters()}


def test_only_matrices_are_decayed_unless_asked_for(model):
    for settings, vectors in ((SETTINGS, 0), (replace(SETTINGS, decay_vectors=True), 0.05)):
        for group in make_optimizer(model, settings).param_groups:
            for parameter in group["params"]:
                expected = 0.05 if parameter.ndim > 1 else vectors
                assert group["weight_decay"] == expected


def test_without_decay_all_have_one_rate(model):
    assert set(rates(model, SETTINGS).values()) == {1.0}


def test_deeper_blocks_learn_slower_than_the_last(model):
    found = rates(model, EOMT)
    for block in range(4):
        assert found[f"blocks.{block}.mlp.fc1.weight"] == pytest.approx(0.8 ** (3 - block))
        assert found[f"blocks.{block}.norm1.bias"] == pytest.approx(0.8 ** (3 - block))
    for name in ("stem.weight", "cls_token", "register_tokens"):
        assert found[name] == pytest.approx(0.8**3)
    for name in ("norm.weight", "queries", "class_head.bias", "mask_head.0.weight"):
        assert found[name] == 1
    assert found["upscale.0.conv1.weight"] == 1


def test_blocks_with_queries_may_keep_the_full_rate(model):
    found = rates(model, replace(EOMT, decay_query_blocks=False))
    blocks = [found[f"blocks.{block}.norm1.weight"] for block in range(4)]
    assert blocks == pytest.approx([0.8**3, 0.8**2, 1, 1])


def test_the_vit_and_nothing_else_waits_for_its_warmup(model):
    found = rates(model, replace(EOMT, warmup_samples=10, backbone_warmup_samples=10), seen=5)
    waiting = {name for name, rate in found.items() if rate == 0}
    assert {"stem.weight", "blocks.3.norm1.weight", "norm.bias", "cls_token"} <= waiting
    rest = found.keys() - waiting
    assert all(name.startswith(("queries", "class_head", "mask_head", "upscale")) for name in rest)
    assert {found[name] for name in rest} == {0.5}


def test_the_second_moment_of_adamw_is_a_setting(model):
    assert make_optimizer(model, SETTINGS).defaults["betas"] == (0.9, 0.98)
    other = make_optimizer(model, replace(SETTINGS, beta2=0.999))
    assert other.defaults["betas"] == (0.9, 0.999)


def test_a_pretrained_stem_learns_at_its_own_rate():
    network = replace(NETWORK, stem="efficientnet_lite0")
    model = Eomt(network, num_labels=2)
    learned = rates(model, replace(SETTINGS, stem_rate=0.25))
    assert learned["stem.network.first.0.weight"] == pytest.approx(0.25)
    assert learned["stem.projection.weight"] == pytest.approx(1.0)
    assert learned["blocks.0.norm1.weight"] == pytest.approx(1.0)


def test_mask2former_learns_its_backbone_at_a_rate_of_its_own_and_keeps_its_tables():
    network = Mask2Former(MASK2FORMER, num_labels=2)
    settings = replace(SETTINGS, backbone_rate=0.1)
    found = rates(network, settings)
    assert {rate for name, rate in found.items() if name.startswith("backbone.")} == {0.1}
    assert {rate for name, rate in found.items() if not name.startswith("backbone.")} == {1.0}
    names = {parameter: name for name, parameter in network.named_parameters()}
    groups = make_optimizer(network, settings).param_groups
    kept = {names[p] for group in groups if not group["weight_decay"] for p in group["params"]}
    matrices = {name for name, parameter in network.named_parameters() if parameter.ndim > 1}
    assert kept & matrices == {
        "decoder.query_features",
        "decoder.query_positions",
        "decoder.level_codes",
        "pixel_decoder.level_codes",
        *(name for name in matrices if name.endswith("position_bias")),
    }
