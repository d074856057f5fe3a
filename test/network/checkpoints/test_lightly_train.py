# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LightlyTrain's EoMT, and DINOv3 backbones in the layout of DINOv3's own code."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from eomt_checkpoints import (
    lightly_train_checkpoint,
    original_backbone,
    small_config,
    small_weights,
    upstream_weights,
)

from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.checkpoints.eomt import ConvertedEomt
from psg_ros.network.checkpoints.reading import read_source
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.training.adopted import vocabulary_for
from psg_ros.training.segmenter.initial_weights import load_initial_weights

HEADS = ("queries", "class_head", "mask_head", "upscale")


def checkpoint() -> dict:
    return lightly_train_checkpoint(small_weights("DINOv3"), small_config("DINOv3"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "eomt.pt"
    torch.save(checkpoint(), path)
    return path


def backbone_weights() -> dict:
    weights = small_weights("DINOv3")
    return {name: tensor for name, tensor in weights.items() if not name.startswith(HEADS)}


def test_every_parameter_arrives(file):
    converted = convert(str(file))
    expected = small_weights("DINOv3")
    assert converted.weights.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(converted.weights[name], tensor, atol=0, rtol=0)


def test_the_arguments_in_the_file_tell_what_shapes_do_not(file):
    converted = convert(str(file))
    assert isinstance(converted, ConvertedEomt)
    assert converted.config.num_query_blocks == 2
    assert converted.config.input_hw == (96, 96)
    assert (converted.config.norm_eps, converted.config.upscale_eps) == (1e-5, 1e-5)
    assert (converted.layout, converted.scaling) == ("lightly_train", "lightly_train")
    assert converted.assumed == ""
    assert not converted.config.key_bias


def test_a_bias_of_the_keys_that_no_mask_takes_away_counts(tmp_path):
    content = checkpoint()
    for name in [name for name in content["train_model"] if name.endswith("bias_mask")]:
        del content["train_model"][name]
    torch.save(content, tmp_path / "eomt.pt")
    converted = convert(str(tmp_path / "eomt.pt"))
    assert isinstance(converted, ConvertedEomt)
    assert converted.config.key_bias
    assert converted.weights["blocks.0.attention.k_proj.bias"].any()


def test_labels_in_another_order_are_refused(tmp_path):
    content = checkpoint()
    things = content["model_init_args"]["thing_classes"]
    things[0], things[1] = things[1], things[0]
    torch.save(content, tmp_path / "eomt.pt")
    with pytest.raises(ValueError, match="label 0 is bicycle, which is number 1"):
        vocabulary_for(convert(str(tmp_path / "eomt.pt")), "psg")


@pytest.mark.parametrize("spelling", ["wall", "wall-other", "Wall-Other-Merged", "some wall"])
def test_labels_may_be_spelled_in_other_ways(spelling, tmp_path):
    content = checkpoint()
    content["model_init_args"]["stuff_classes"][131] = spelling
    torch.save(content, tmp_path / "eomt.pt")
    assert vocabulary_for(convert(str(tmp_path / "eomt.pt")), "psg").num_labels == 133


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("backbone.rope_embed.periods", 10.0 ** torch.arange(16), "no other rotary code"),
        ("backbone.rope_embed.periods", torch.ones(8), "no other rotary code"),
        ("backbone.blocks.0.attn.qkv.bias_mask", torch.full((384,), 0.5), "zeros and ones"),
        ("backbone.blocks.0.attn.qkv.bias_mask", torch.full((384,), torch.nan), "zeros and ones"),
        ("backbone.blocks.0.attn.qkv.bias_mask", torch.ones(3), "no .* of its shape"),
        ("backbone.blocks.0.mlp.w3.weight", torch.ones(3), "1 unknown: blocks.0.mlp.w3.weight"),
        ("queries.weight", torch.ones(6, 64), "of another shape: queries"),
    ],
    ids=str,
)
def test_what_is_another_network_is_refused_by_name(name, value, said, tmp_path):
    content = checkpoint()
    content["train_model"][f"model.{name}"] = value
    torch.save(content, tmp_path / "eomt.pt")
    with pytest.raises(ValueError, match=said):
        convert(str(tmp_path / "eomt.pt"))


@pytest.mark.parametrize("value", [None, [], "x", 1], ids=str)
def test_arguments_of_another_kind_are_refused(value, tmp_path):
    torch.save(checkpoint() | {"model_init_args": value}, tmp_path / "eomt.pt")
    with pytest.raises(ValueError, match="model_init_args must be a dict"):
        convert(str(tmp_path / "eomt.pt"))


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("place", ["model_init_args", "train_model", "callbacks"])
def test_nothing_in_a_pickle_is_executed(place, tmp_path):
    content = checkpoint()
    trap = Trap(tmp_path / "executed")
    content[place] = content.get(place, {}) | {"x": trap}
    torch.save(content, tmp_path / "eomt.pt")
    with pytest.raises(ValueError, match=r"could run foreign code.*it names posix.mkdir"):
        convert(str(tmp_path / "eomt.pt"))
    old = pickle.dumps(content["train_model"] | {"x": trap}, protocol=2)
    (tmp_path / "old.pt").write_bytes(old)
    with pytest.raises(ValueError, match="more than tensors|was not written by torch.save"):
        convert(str(tmp_path / "old.pt"))
    assert not (tmp_path / "executed").exists()


def test_a_state_dict_may_be_ordered(tmp_path):
    content = checkpoint()
    content["train_model"] = OrderedDict(content["train_model"])
    torch.save(content, tmp_path / "eomt.pt")
    assert convert(str(tmp_path / "eomt.pt")).num_labels == 133


def test_differences_find_their_backbone_in_the_original_layout(tmp_path):
    whole, base = small_weights("DINOv3"), backbone_weights()
    change = {name: 0.01 * torch.randn_like(tensor) for name, tensor in base.items()}
    torch.save(upstream_weights("DINOv3", whole | change), tmp_path / "difference.bin")
    torch.save(original_backbone(base), tmp_path / "dinov3.pth")
    converted = convert(str(tmp_path / "difference.bin"), backbone=str(tmp_path / "dinov3.pth"))
    assert isinstance(converted, ConvertedEomt)
    assert converted.merged
    for name, tensor in (whole | {n: base[n] + change[n] for n in base}).items():
        torch.testing.assert_close(converted.weights[name], tensor, atol=0, rtol=0)


def test_a_backbone_with_more_than_the_differences_is_refused(tmp_path):
    whole, base = small_weights("DINOv3"), backbone_weights()
    change = {name: 0.01 * torch.randn_like(tensor) for name, tensor in base.items()}
    torch.save(upstream_weights("DINOv3", whole | change), tmp_path / "difference.bin")
    theirs = {n: t for n, t in original_backbone(base).items() if not n.endswith("bias_mask")}
    torch.save(theirs, tmp_path / "dinov3.pth")
    with pytest.raises(ValueError, match=r"k_proj.bias has no difference"):
        convert(str(tmp_path / "difference.bin"), backbone=str(tmp_path / "dinov3.pth"))


def test_training_can_start_from_the_original_layout(tmp_path):
    base = backbone_weights()
    torch.save(original_backbone(base), tmp_path / "dinov3.pth")
    model = Eomt(small_config("DINOv3"), 7)
    fresh = load_initial_weights(model, str(tmp_path / "dinov3.pth"), "segmenter.safetensors")
    assert fresh and all(name.startswith(HEADS) for name in fresh)
    for name, tensor in base.items():
        torch.testing.assert_close(model.state_dict()[name], tensor, atol=0, rtol=0)


def test_the_original_layout_alone_is_no_eomt(tmp_path):
    torch.save(original_backbone(backbone_weights()), tmp_path / "dinov3.pth")
    assert read_source(str(tmp_path / "dinov3.pth")).tensors
    with pytest.raises(ValueError, match="is not a checkpoint of a segmenter"):
        convert(str(tmp_path / "dinov3.pth"))
