# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Public checkpoints become our weights to the bit, and what does not fit is named."""

import json
import re
import shutil

import pytest
import torch
from eomt_checkpoints import (
    NUM_LABELS,
    TRANSFORMERS_4,
    small_config,
    small_weights,
    upstream_weights,
)
from safetensors.torch import load_file, save_file

from psg_ros.labels import find_vocabulary
from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.checkpoints.eomt import ConvertedEomt
from psg_ros.network.checkpoints.eomt_sizes import published_size
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.training.adopted import vocabulary_for

FAMILIES = ["DINOv2", "DINOv3"]
BLOCK = "network.encoder.backbone.blocks.0."


def assert_same_weights(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=0, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_upstream_weights_come_over_to_the_bit(upstream_file, family):
    converted = convert(str(upstream_file(family)), input_hw=(96, 96))
    assert_same_weights(converted.weights, small_weights(family))
    assert converted.config == small_config(family)
    assert isinstance(converted, ConvertedEomt)
    assert (converted.family, converted.layout, converted.size) == (family, "upstream", "custom")
    assert converted.num_labels == NUM_LABELS
    assert converted.scaling == "eomt" and not converted.merged


@pytest.mark.parametrize("family", FAMILIES)
def test_both_layouts_give_the_same_weights_and_sizes(upstream_file, family, tmp_path):
    """Transformers' own classes write the second one."""
    transformers = pytest.importorskip("transformers")
    from_upstream = convert(str(upstream_file(family)), input_hw=(96, 96))
    sizes = dict(
        hidden_size=128, num_hidden_layers=4, num_attention_heads=2, num_labels=NUM_LABELS,
        num_blocks=2, num_queries=6, image_size=96,
    )  # fmt: skip
    if family == "DINOv2":
        model = transformers.EomtForUniversalSegmentation(transformers.EomtConfig(**sizes))
    else:
        config = transformers.EomtDinov3Config(**sizes, intermediate_size=512, layer_norm_eps=1e-5)
        model = transformers.EomtDinov3ForUniversalSegmentation(config)
    model.save_pretrained(tmp_path / "first")
    converted = convert(str(tmp_path / "first"))
    assert_same_weights(convert(str(tmp_path / "first")).weights, converted.weights)
    assert (converted.layout, converted.scaling) == ("transformers", "transformers")
    assert converted.config == from_upstream.config
    again = tmp_path / "again.bin"
    torch.save(upstream_weights(family, converted.weights), again)
    assert_same_weights(convert(str(again), input_hw=(96, 96)).weights, converted.weights)


def test_labels_that_config_json_has_in_another_order_are_refused(transformers_4_folder):
    """A head of as many labels would go by wrong names, and nothing would show it."""
    names = list(find_vocabulary("psg").label_names)
    path = transformers_4_folder / "config.json"

    def named(order: list[str]) -> ConvertedEomt:
        told = {str(index): name for index, name in enumerate(order)}
        path.write_text(json.dumps({**config, "id2label": told}))
        return convert(str(transformers_4_folder))

    config = json.loads(path.read_text())
    assert vocabulary_for(named(names), "psg").num_labels == NUM_LABELS
    assert vocabulary_for(named([f"LABEL_{i}" for i in range(NUM_LABELS)]), "psg")
    names[3], names[7] = names[7], names[3]
    with pytest.raises(ValueError, match=r"label 3 is truck, which is number 7 of these labels"):
        vocabulary_for(named(names), "psg")


def test_the_layout_of_transformers_4_is_read(transformers_4_folder):
    converted = convert(str(transformers_4_folder))
    assert_same_weights(converted.weights, small_weights("DINOv2"))
    assert converted.config == small_config("DINOv2")


@pytest.mark.parametrize("outer", ["", "model.", "encoder.", "model.encoder.", "module.model."])
def test_names_of_transformers_are_read_whatever_stands_before_them(outer, tmp_path):
    """`model.encoder.query.weight` and the like: what other tools have put around the model."""
    plain = TRANSFORMERS_4.translate(small_weights("DINOv2"))
    inner = {re.sub(r"^(model\.)?(encoder\.)?", "", name): t for name, t in plain.items()}
    path = tmp_path / "model.safetensors"
    save_file({outer + name: t for name, t in inner.items()}, path)
    config = {"num_blocks": 2, "num_attention_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert_same_weights(convert(str(tmp_path)).weights, small_weights("DINOv2"))


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: {"state_dict": weights, "epoch": 3},
        lambda weights: {name.removeprefix("network."): t for name, t in weights.items()},
        lambda weights: {
            name.replace("network.", "network._orig_mod."): t for name, t in weights.items()
        },
        lambda weights: {name.replace(".0.", ".0._orig_mod."): t for name, t in weights.items()},
        lambda weights: {name: t.half().float().half() for name, t in weights.items()},
    ],
    ids=["wrapped", "without prefix", "compiled", "compiled blocks", "half precision"],
)
def test_variants_of_an_upstream_file_are_read(upstream_file, change):
    converted = convert(str(upstream_file("DINOv2", change)))
    expected = small_weights("DINOv2")
    assert converted.weights.keys() == expected.keys()
    assert {tensor.dtype for tensor in converted.weights.values()} == {torch.float32}
    for name, tensor in expected.items():
        torch.testing.assert_close(converted.weights[name], tensor, atol=2e-3, rtol=2e-3)


def test_shards_are_joined(transformers_4_folder):
    whole = transformers_4_folder / "model.safetensors"
    weights = load_file(whole)
    whole.unlink()
    names = sorted(weights)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in shards.items():
        save_file({name: weights[name] for name in part}, transformers_4_folder / file)
    index = {"weight_map": {name: file for file, part in shards.items() for name in part}}
    (transformers_4_folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert_same_weights(convert(str(transformers_4_folder)).weights, small_weights("DINOv2"))


def test_differences_and_their_backbone_are_added(difference_files):
    file, backbone, whole = difference_files
    for given in (backbone, backbone / "model.safetensors"):
        converted = convert(str(file), backbone=str(given), input_hw=(96, 96))
        assert isinstance(converted, ConvertedEomt)
        assert converted.merged
        assert converted.config.norm_eps == 1e-5
        assert converted.weights.keys() == whole.keys()
        for name, tensor in whole.items():
            torch.testing.assert_close(converted.weights[name], tensor, atol=1e-6, rtol=0)


def test_differences_alone_are_refused_and_the_backbone_is_named(difference_files):
    file, _, _ = difference_files
    with pytest.raises(ValueError, match="--backbone .*facebook/dinov3-vits16-pretrain-lvd1689m"):
        convert(str(file))


def test_differences_with_another_backbone_are_refused(difference_files):
    file, backbone, _ = difference_files
    path = backbone / "model.safetensors"
    weights = load_file(path)
    weights["layer.1.norm1.weight"] = torch.ones(64)
    del weights["layer.2.norm1.weight"]
    save_file(weights, path)
    with pytest.raises(
        ValueError,
        match=r"norm1.weight is \[64\], not \[128\]; blocks.2.norm1.weight is missing",
    ):
        convert(str(file), backbone=str(backbone))


def test_a_backbone_for_whole_weights_is_refused(upstream_file, difference_files):
    with pytest.raises(ValueError, match="whole weights; leave --backbone out"):
        convert(str(upstream_file("DINOv3")), backbone=str(difference_files[1]))


def test_every_misfit_is_listed(upstream_file):
    def spoil(weights):
        weights["network.extra.weight"] = torch.zeros(3)
        del weights[BLOCK + "ls1.gamma"]
        weights[BLOCK + "mlp.fc2.bias"] = torch.zeros(5)
        return weights

    with pytest.raises(ValueError) as caught:
        convert(str(upstream_file("DINOv2", spoil)))
    for part in (
        "1 unknown: extra.weight",
        "1 missing: blocks.0.layer_scale1.lambda1",
        "1 of another shape: blocks.0.mlp.fc2.bias [5] instead of [128]",
    ):
        assert part in str(caught.value)


def test_a_gated_mlp_is_refused_as_unknown(upstream_file):
    def swap(weights):
        renamed = {".mlp.fc1.": ".mlp.w12.", ".mlp.fc2.": ".mlp.w3."}
        for old, new in renamed.items():
            weights = {name.replace(old, new): tensor for name, tensor in weights.items()}
        return weights

    with pytest.raises(ValueError, match="mlp"):
        convert(str(upstream_file("DINOv2", swap)))


def test_other_pixel_statistics_are_refused(upstream_file):
    def half(weights):
        return weights | {"network.encoder.pixel_mean": torch.full((1, 3, 1, 1), 0.5)}

    with pytest.raises(ValueError, match=r"pixel_mean \[0.5, 0.5, 0.5\], expected \[0.485"):
        convert(str(upstream_file("DINOv2", half)))


def test_a_config_that_contradicts_the_weights_is_refused(transformers_4_folder):
    path = transformers_4_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_queries": 200}))
    with pytest.raises(ValueError, match="num_queries is 200, expected 6"):
        convert(str(transformers_4_folder))


def test_the_input_size_of_rotary_positions_is_free_but_a_multiple_of_the_patch(upstream_file):
    file = str(upstream_file("DINOv3"))
    assert convert(file, input_hw=(480, 480)).config.input_hw == (480, 480)
    assumed = convert(file)
    assert assumed.config.input_hw == (640, 640) and "640 px" in assumed.assumed
    with pytest.raises(ValueError, match="multiples of 16"):
        convert(file, input_hw=(500, 500))


def test_the_input_size_of_learned_positions_is_not_free(upstream_file):
    with pytest.raises(ValueError, match="for 96 px, not 640"):
        convert(str(upstream_file("DINOv2")), input_hw=(640, 640))


def test_other_networks_are_refused_with_some_of_their_names(tmp_path):
    save_file({"layer1.conv.weight": torch.zeros(1)}, tmp_path / "resnet.safetensors")
    with pytest.raises(ValueError, match="not a checkpoint of a segmenter.*layer1.conv.weight"):
        convert(str(tmp_path / "resnet.safetensors"))


@pytest.mark.parametrize(
    ("dim", "depth", "letter"), [(384, 12, "S"), (768, 12, "B"), (1024, 24, "L")]
)
def test_published_sizes_are_recognised(dim, depth, letter):
    tensors = {f"blocks.{index}.norm1.weight": torch.ones(1) for index in range(depth)}
    size = published_size(tensors | {"cls_token": torch.zeros(1, 1, dim)})
    assert size is not None and size.letter == letter


def test_converted_weights_load_strictly(upstream_file, tmp_path):
    converted = convert(str(shutil.copy(upstream_file("DINOv2"), tmp_path / "model.pt")))
    Eomt(converted.config, converted.num_labels).load_state_dict(converted.weights, strict=True)
