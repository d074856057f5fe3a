# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""YOSO comes back from files in the layout of its release."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import torch
from mask2former_checkpoints import NUM_LABELS, small_segmenter
from safetensors.torch import save_file
from yoso_checkpoints import YOSO, release_names, write_release

from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.segmenters.yoso.config import YosoConfig
from psg_ros.network.segmenters.yoso.network import Yoso

MODELS = {
    "coco": YOSO,
    "cityscapes": dataclasses.replace(YOSO, class_layers=3, mask_layers=3),
    "bare heads": dataclasses.replace(YOSO, class_layers=0, mask_layers=0, decoder_stages=1),
    "other sizes": dataclasses.replace(YOSO, taps=5, decoder_stages=3, num_queries=4),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_released_file_comes_back(name, tmp_path):
    segmenter = small_segmenter(MODELS[name])
    file = write_release(segmenter.state_dict(), tmp_path / "yoso.pth", MODELS[name])
    converted = convert(str(file), input_hw=(64, 96))
    assert converted.config == segmenter.config
    assert (converted.num_labels, converted.scaling) == (NUM_LABELS, "lightly_train")
    expected = segmenter.state_dict()
    assert converted.weights.keys() == expected.keys()
    assert all(weight.equal(expected[name]) for name, weight in converted.weights.items())
    assert converted.summary().startswith("YOSO on ResNet 1-2-1-1, YOSO's own layout: 5 labels")


@pytest.mark.parametrize(("num_labels", "temperature"), [(133, 0.05), (150, 0.5), (65, 0.1)])
def test_what_no_file_tells_is_assumed_and_said(num_labels, temperature, tmp_path):
    weights = small_segmenter(YOSO, num_labels).state_dict()
    converted = convert(str(write_release(weights, tmp_path / "yoso.pth")))
    assert isinstance(converted.config, YosoConfig)
    assert converted.config.temperature == temperature
    said = f"temperature {temperature} of the class logits, as published for {num_labels} labels"
    assert converted.assumed == f"input 1344x800 px; {said}"


def test_the_published_names_and_shapes():
    """Those of the COCO file, as its code has them."""
    config = YosoConfig()
    with torch.device("meta"):
        named = release_names(Yoso(config, 133).state_dict(), config)
    shapes = {name: tuple(tensor.shape) for name, tensor in named.items()}
    expected = {
        "backbone.stem.conv1.norm.running_var": (64,),
        "backbone.res5.0.shortcut.norm.weight": (2048,),
        "yoso_neck.deconv.lateral_conv0.weight": (1024, 2048, 1, 1),
        "yoso_neck.deconv.deform_conv1.dcn_offset.bias": (27,),
        "yoso_neck.deconv.deform_conv3.dcn.weight": (128, 256, 3, 3),
        "yoso_neck.deconv.deform_conv2.dcn_bn.running_mean": (256,),
        "yoso_neck.deconv.deform_conv2.up_bn.num_batches_tracked": (),
        "yoso_neck.deconv.deform_conv1.up_sample.weight": (512, 512, 4, 4),
        "yoso_neck.deconv.conv_a5.weight": (128, 1024, 1, 1),
        "yoso_neck.deconv.conv_a2.weight": (128, 128, 1, 1),
        "yoso_neck.deconv.bias": (1, 128, 1, 1),
        "yoso_neck.deconv.output_conv.bias": (128,),
        "yoso_neck.loc_conv.weight": (256, 130, 1, 1),
        "yoso_head.kernels.weight": (100, 256, 1, 1),
        "yoso_head.mask_heads.1.f_atten.weight_linear.weight": (103, 256),
        "yoso_head.mask_heads.0.k_atten.norm.bias": (256,),
        "yoso_head.mask_heads.0.s_atten.in_proj_weight": (768, 256),
        "yoso_head.mask_heads.0.s_atten.out_proj.bias": (256,),
        "yoso_head.mask_heads.0.ffn.layers.0.0.weight": (2048, 256),
        "yoso_head.mask_heads.1.ffn.layers.1.bias": (256,),
        "yoso_head.mask_heads.0.cls_fcs.0.weight": (256, 256),
        "yoso_head.mask_heads.0.cls_fcs.1.bias": (256,),
        "yoso_head.mask_heads.1.fc_cls.weight": (134, 256),
        "yoso_head.mask_heads.1.fc_mask.bias": (256,),
    }
    assert expected.items() <= shapes.items()


CLASS = "yoso_head.mask_heads.0.fc_cls.weight"
TAPS = "yoso_head.mask_heads.0.f_atten.weight_linear.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"yoso_head.surprise": torch.ones(1)}, "1 unknown: yoso_head.surprise"),
        ({"yoso_neck.deconv.bias": None}, "1 missing: neck.aggregation.bias"),
        ({"yoso_neck.deconv.bias": torch.ones(3)}, r"bias \[3\] instead of \[1, 16, 1, 1\]"),
        ({"backbone.res3.1.conv2.weight": None}, "1 missing: backbone.layer2.1.conv2.weight"),
        ({CLASS: None}, "no decoder.class_heads.0.3.weight .our name., which tells a size"),
        ({CLASS: torch.ones(1, 32)}, "the class head has no labels"),
        ({CLASS: torch.ones(6, 32) / 0}, "fc_cls.weight is not finite"),
        ({"yoso_head.kernels.weight": torch.ones(())}, "must have 1 axes or more"),
        ({TAPS: torch.ones(9, 32)}, "taps 2 must be odd"),
        ({TAPS: torch.ones(7, 32)}, "taps must be 1 or more"),
        ({"yoso_head.mask_heads.2.fc_cls.bias": torch.ones(6)}, "1 unknown: decoder.class_heads.2"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, said, tmp_path):
    named = release_names(small_segmenter(YOSO).state_dict()) | change
    kept = {name: tensor for name, tensor in named.items() if tensor is not None}
    save_file(kept, tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match=said):
        convert(str(tmp_path / "odd.safetensors"))


class Trap:
    """Leaves a file behind where somebody opens the pickle."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (self.path, "w")


@pytest.mark.parametrize("ending", ["pth", "pkl"])
def test_nothing_in_a_file_is_executed(ending, tmp_path):
    file, trace = tmp_path / f"trap.{ending}", tmp_path / "trace"
    named = release_names(small_segmenter(YOSO).state_dict())
    content = {"model": named, "optimizer": Trap(str(trace))}
    if ending == "pth":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps({**content, "model": {}}))
    with pytest.raises(ValueError, match="was not opened, because opening it could run"):
        convert(str(file))
    assert not trace.exists()


def test_a_backbone_has_no_place_beside_it(tmp_path):
    file = write_release(small_segmenter(YOSO).state_dict(), tmp_path / "yoso.pth")
    with pytest.raises(ValueError, match="holds whole weights; leave --backbone out"):
        convert(str(file), backbone="dinov3.pth")
