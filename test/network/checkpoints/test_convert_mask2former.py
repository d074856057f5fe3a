# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mask2Former and PRO-SCALE come back from files in the layouts of their own code."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from mask2former_checkpoints import (
    MASK2FORMER,
    NUM_LABELS,
    PRO_SCALE,
    RESNET,
    detectron2_names,
    small_segmenter,
    write_training_checkpoint,
    write_zoo_pickle,
)
from safetensors.torch import save_file

from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.segmenter import Segmenter

MODELS = {
    "mask2former on Swin": MASK2FORMER,
    "mask2former on ResNet": dataclasses.replace(MASK2FORMER, backbone=RESNET),
    "pro_scale": dataclasses.replace(PRO_SCALE, recalibration="release"),
    "pro_scale without recalibration": dataclasses.replace(
        PRO_SCALE, recalibration="off", pixel_embedding="conv", stages=(0, 1, 2)
    ),
}


@pytest.fixture(params=MODELS)
def segmenter(request) -> Segmenter:
    return small_segmenter(MODELS[request.param])


def assert_same(converted, segmenter: Segmenter) -> None:
    assert dataclasses.replace(converted.config, input_hw=(64, 96)) == segmenter.config
    assert converted.num_labels == NUM_LABELS and converted.scaling == "lightly_train"
    expected = segmenter.state_dict()
    assert converted.weights.keys() == expected.keys()
    assert all(weight.equal(expected[name]) for name, weight in converted.weights.items())


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_of_the_zoo(segmenter, protocol, tmp_path):
    file = write_zoo_pickle(segmenter.state_dict(), tmp_path / "model.pkl", protocol)
    converted = convert(str(file))
    assert_same(converted, segmenter)
    assert converted.layout == "detectron2"
    assert converted.config.input_hw == (800, 1344) and converted.assumed == "input 1344x800 px"


def test_a_checkpoint_of_the_trainer_with_its_optimizer(segmenter, tmp_path):
    file = write_training_checkpoint(segmenter.state_dict(), tmp_path / "model_final.pth")
    converted = convert(str(file), input_hw=(64, 96))
    assert_same(converted, segmenter)
    assert converted.config.input_hw == (64, 96) and not converted.assumed


def test_older_names(tmp_path):
    segmenter = small_segmenter(MASK2FORMER)
    named = {
        name.replace("query_feat", "static_query").replace("head.pixel_decoder.", "head."): tensor
        for name, tensor in detectron2_names(segmenter.state_dict()).items()
    }
    torch.save(named, tmp_path / "old.pth")
    assert_same(convert(str(tmp_path / "old.pth")), segmenter)


def test_the_summary_names_kind_backbone_and_sizes(tmp_path):
    for model, said in (
        ("mask2former on Swin", "Mask2Former on Swin 2-1-1-1, detectron2 layout: 5 labels, 7 q"),
        ("pro_scale", r"PRO-SCALE (1, 2, 1), recalibration release on ResNet 1-2-1-1"),
    ):
        weights = small_segmenter(MODELS[model]).state_dict()
        assert (
            convert(str(write_zoo_pickle(weights, tmp_path / "m.pkl"))).summary().startswith(said)
        )


CLASS = "sem_seg_head.predictor.class_embed.weight"
LAYER = "sem_seg_head.pixel_decoder.transformer.encoder.layers.0."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sem_seg_head.surprise": torch.ones(1)}, "1 unknown: sem_seg_head.surprise"),
        ({"backbone.norm2.weight": None}, "1 missing: backbone.stages.2.norm.weight"),
        ({"backbone.norm2.weight": torch.ones(3)}, r"stages.2.norm.weight \[3\] instead of \[48\]"),
        ({CLASS: None}, "no decoder.class_head.weight .our name., which tells a size"),
        ({CLASS: torch.ones(1, 32)}, "the class head has no labels"),
        ({CLASS: torch.ones(6, 32) / 0}, "class_embed.weight is not finite"),
        ({f"{LAYER}self_attn.attention_weights.weight": torch.ones(48, 32)}, "expected 1, then 2"),
        ({"backbone.patch_embed.proj.weight": torch.ones(())}, "must have 1 axes or more"),
        ({f"{LAYER}linear1.weight": torch.ones(0, 32)}, "encoder_hidden must be 1 or more"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, said, tmp_path):
    named = detectron2_names(small_segmenter(MASK2FORMER).state_dict()) | change
    kept = {name: tensor for name, tensor in named.items() if tensor is not None}
    save_file(kept, tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match=said):
        convert(str(tmp_path / "odd.safetensors"))


def test_sizes_of_the_input_that_cannot_be_and_a_backbone_are_refused(tmp_path):
    weights = small_segmenter(MASK2FORMER).state_dict()
    file = str(write_zoo_pickle(weights, tmp_path / "model.pkl"))
    with pytest.raises(ValueError, match=r"input_hw \(480, 650\) must be multiples of 32 px"):
        convert(file, input_hw=(480, 650))
    with pytest.raises(ValueError, match="holds whole weights; leave --backbone out"):
        convert(file, backbone="dinov3.pth")
