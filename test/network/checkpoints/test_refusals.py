# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints from anywhere: what is not EoMT is refused in words, whatever it holds."""

from __future__ import annotations

import itertools
import json
import random
import struct
from pathlib import Path

import pytest
import torch
from eomt_checkpoints import Weights, small_weights, upstream_weights
from safetensors.torch import load_file, save_file

from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.checkpoints.eomt_sizes import Hints, segmenter_config
from psg_ros.network.config import SegmenterConfig

ANYTHING = (
    None, True, False, 0, 1, -1, 2, 1.5, float("nan"), float("inf"), 10**30, "", "x", "96",
    "\ud800", [], [[]], [1], [96, 48], [None], ["a"], {}, {"a": 1}, {"height": 96, "width": 96},
)  # fmt: skip
"""Every type of JSON, in a few values each."""
CONFIG = {
    "hidden_size": 128, "num_hidden_layers": 4, "num_blocks": 2, "num_attention_heads": 2,
    "image_size": 96, "num_queries": 6, "layer_norm_eps": 1e-6, "patch_size": 16,
    "num_register_tokens": 4, "num_channels": 3, "hidden_act": "gelu", "use_swiglu_ffn": False,
    "rope_parameters": None, "rope_theta": 100.0, "id2label": {str(i): "a" for i in range(133)},
    "mlp_ratio": 4, "intermediate_size": 512,
}  # fmt: skip
BOTH_SHARDS = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
BLOCK = "network.encoder.backbone.blocks.0."


def converts_or_says_why(source: Path) -> bool:
    """Say whether it converts; any error but the two that are for people fails the test."""
    try:
        convert(str(source))
    except (FileNotFoundError, ValueError) as error:
        assert len(str(error)) < 2000
        return False
    return True


def sizes_of(weights: Weights, config: dict) -> SegmenterConfig:
    return segmenter_config(weights, Hints(2, None, config, 1e-6))[0]


@pytest.mark.parametrize("family", ["DINOv2", "DINOv3"])
def test_anything_may_stand_in_config_json(family: str) -> None:
    weights = small_weights(family)
    expected = sizes_of(weights, CONFIG)
    for key, value in itertools.product(CONFIG, ANYTHING):
        try:
            found = sizes_of(weights, {**CONFIG, key: value})
        except ValueError as error:
            assert len(str(error)) < 500
            continue
        kept = {"num_attention_heads", "layer_norm_eps", "image_size"}
        assert found == expected or key in kept, (key, value)


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '"a"', "3", "NaN", "\x00", "[" * 100_000, "9" * 5000], ids=repr
)
@pytest.mark.parametrize("file", ["config.json", "model.safetensors.index.json"])
def test_json_files_that_hold_no_mapping_are_named(transformers_4_folder, file, text) -> None:
    if "index" in file:
        (transformers_4_folder / "model.safetensors").unlink()
    (transformers_4_folder / file).write_text(text)
    with pytest.raises(ValueError, match=file):
        convert(str(transformers_4_folder))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_size": [96, 48]}, r"image_size must be one side of a square, not \[96, 48\]"),
        ({"image_size": {"height": 96}}, "image_size must be a whole number"),
        ({"image_size": "96"}, "image_size must be a whole number of 1 or more, not '96'"),
        ({"image_size": 128}, "image_size is 128, expected 96"),
        ({"num_attention_heads": None}, "num_attention_heads must be a whole number"),
        ({"num_attention_heads": 2.5}, "num_attention_heads must be a whole number"),
        ({"num_blocks": 3}, "num_blocks is 3, expected 2"),
        ({"layer_norm_eps": "tiny"}, "layer_norm_eps must be a number between 0 and 1"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps must be a number between 0 and 1"),
        ({"rope_parameters": [1]}, r"rope_theta is \[1\], expected 100.0"),
        ({"mlp_ratio": 2}, "mlp_ratio is 2, expected 4.0"),
        ({"intermediate_size": 256}, "intermediate_size is 256, expected 512"),
        ({"id2label": {"0": "cat"}}, "id2label names 1 labels, expected 133"),
    ],
)
def test_sizes_that_contradict_the_weights_are_named(change, said) -> None:
    with pytest.raises(ValueError, match=said):
        sizes_of(small_weights("DINOv2"), CONFIG | change)


@pytest.mark.parametrize("size", [[96, 48], [], [96, 96, 96], [[96, 96]], ["96", 96]])
def test_an_input_that_is_not_square_is_refused_where_any_size_would_fit(size) -> None:
    """Rotary positions fit every input, so only config.json tells it."""
    weights = small_weights("DINOv3")
    assert sizes_of(weights, CONFIG | {"image_size": [96, 96]}).input_hw == (96, 96)
    with pytest.raises(ValueError, match="image_size must be"):
        sizes_of(weights, CONFIG | {"image_size": size})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda t: t.fill_(float("nan")), "is not finite"),
        (lambda t: t.index_fill_(0, torch.tensor([3]), float("inf")), "is not finite"),
        (lambda t: t.double().fill_(1e300), "is not finite"),
        (lambda t: (t * 10).to(torch.int8), "is int8"),
        (lambda t: (t * 10).to(torch.uint8), "is uint8"),
        (lambda t: t.to(torch.int64), "is int64"),
        (lambda t: t > 0, "is bool"),
        (lambda t: t.to(torch.complex64), "is complex64"),
        (lambda t: t.to(torch.float8_e4m3fn), "is float8_e4m3fn"),
        (lambda t: t.to_sparse(), "is sparse"),
        (lambda t: t[:1].clone().expand(t.shape), "repeats fewer values"),
    ],
)
@pytest.mark.parametrize("name", ["norm1.weight", "mlp.fc1.weight"])
def test_what_is_no_weight_is_named(upstream_file, name, wrong, said) -> None:
    def change(weights):
        return weights | {BLOCK + name: wrong(weights[BLOCK + name].clone())}

    with pytest.raises(ValueError, match=rf"not weights: .*{name} {said}.*; expected finite float"):
        convert(str(upstream_file("DINOv2", change)))


def test_a_quantised_checkpoint_is_not_listed_to_the_last_tensor(upstream_file) -> None:
    def change(weights):
        return {n: t.to(torch.int8) if "blocks" in n else t for n, t in weights.items()}

    with pytest.raises(ValueError, match=r"(is int8, .*){4}is int8 and \d+ more"):
        convert(str(upstream_file("DINOv2", change)))


@pytest.mark.parametrize("reshape", [lambda t: t.sum(), lambda t: t[:0], lambda t: t[None]])
@pytest.mark.parametrize(
    "part",
    ["cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight",
     "blocks.0.norm1.weight", "blocks.0.mlp.fc1.weight", "q.weight", "class_head.weight",
     "attn_mask_probs"],
)  # fmt: skip
def test_any_weight_may_have_any_shape(upstream_file, part, reshape) -> None:
    def change(weights):
        return {n: reshape(t).clone() if n.endswith(part) else t for n, t in weights.items()}

    converts_or_says_why(upstream_file("DINOv2", change))


def test_anything_may_stand_in_the_header_of_a_safetensors_file(transformers_4_folder) -> None:
    path = transformers_4_folder / "model.safetensors"
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]

    def write(changed: object) -> None:
        text = json.dumps(changed).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)

    name = "query.weight"
    types = ("F64", "F16", "BF16", "I8", "U8", "BOOL", "F8_E4M3", "F8_E8M0", "F4", "C64", "I64")
    for value in (*ANYTHING, *types):
        for entry in (value, *({**header[name], key: value} for key in header[name])):
            write({**header, name: entry})
            assert not converts_or_says_why(transformers_4_folder)
    for value in ANYTHING:
        write({"__metadata__": value})
        assert not converts_or_says_why(transformers_4_folder)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old torch"])
def test_flipped_bytes_and_cut_ends_are_read_or_refused(kind, tmp_path) -> None:
    """Values cannot be told from others; what holds them together can."""
    weights = upstream_weights("DINOv2", small_weights("DINOv2"))
    path = tmp_path / ("odd.safetensors" if kind == "safetensors" else "odd.bin")
    if kind == "safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=kind == "zip")
    content, rng = path.read_bytes(), random.Random(0)
    for _ in range(20):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            place = rng.choice([rng.randrange(20_000), len(content) - 1 - rng.randrange(20_000)])
            changed[place] = rng.randrange(256)
        if rng.random() < 0.2:
            del changed[rng.randrange(len(changed)) :]
        path.write_bytes(bytes(changed))
        converts_or_says_why(path)


# --- shards --------------------------------------------------------------------------------------


@pytest.fixture
def shards(transformers_4_folder: Path) -> Path:
    """Two shards and no index yet."""
    whole = transformers_4_folder / "model.safetensors"
    weights = load_file(whole)
    names = sorted(weights)
    for file, part in (("a.safetensors", names[::2]), ("b.safetensors", names[1::2])):
        save_file({name: weights[name] for name in part}, transformers_4_folder / file)
    whole.unlink()
    return transformers_4_folder


def write_index(folder: Path, content: object) -> Path:
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))
    return folder


def test_anything_may_stand_in_the_index_of_shards(shards: Path) -> None:
    assert converts_or_says_why(write_index(shards, BOTH_SHARDS))
    odd_names = ("..", ".", "../a.safetensors", "/etc/passwd", "a.safetensors\0", "n" * 300)
    for value in (*ANYTHING, *odd_names):
        assert not converts_or_says_why(write_index(shards, {"weight_map": value}))
        assert not converts_or_says_why(write_index(shards, {"weight_map": {"x": value}}))


def test_a_weight_map_of_another_type_is_named(shards: Path) -> None:
    for value in ("a.safetensors", ["a.safetensors"], {"x": 1}, {}, None):
        with pytest.raises(ValueError, match="weight_map must map each tensor to the name of a fi"):
            convert(str(write_index(shards, {"weight_map": value})))


def test_shards_that_hold_a_tensor_twice_are_refused(shards: Path) -> None:
    (shards / "b.safetensors").write_bytes((shards / "a.safetensors").read_bytes())
    with pytest.raises(ValueError, match="b.safetensors and a shard before it both hold"):
        convert(str(write_index(shards, BOTH_SHARDS)))
