# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run may start from given weights: what fits is taken, what must fit and does not is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.training import train
from psg_ros.training.checkpoint import load_weights, save_weights
from psg_ros.training.segmenter.initial_weights import load_initial_weights
from psg_ros.training.segmenter.segmentation_run import WEIGHTS

NETWORK = EomtConfig(
    input_hw=(32, 32), dim=16, depth=3, num_heads=2, num_queries=4, num_query_blocks=2, taps=(2,)
)
HEADS = {"class_head.bias", "class_head.weight"}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    path = tmp_path / "given.safetensors"
    save_weights(Eomt(NETWORK, num_labels=5).state_dict(), path)
    return path


def fresh_model(num_labels: int = 5, **changes) -> Eomt:
    torch.manual_seed(2)
    return Eomt(replace(NETWORK, **changes), num_labels)


def taken(model: Eomt, path: Path) -> set[str]:
    """Names of the parameters that are those of the file."""
    given = load_weights(path)
    return {
        name
        for name, value in model.state_dict().items()
        if name in given and value.shape == given[name].shape and value.equal(given[name])
    }


def test_weights_of_the_same_network_are_taken_as_they_are(weights):
    model = fresh_model()
    assert load_initial_weights(model, str(weights), WEIGHTS) == []
    assert taken(model, weights) == model.state_dict().keys()


def test_a_run_folder_stands_for_its_segmenter(weights):
    folder = weights.parent / "run"
    save_weights(load_weights(weights), folder / WEIGHTS)
    (folder / "relations.safetensors").write_bytes(b"other weights")
    model = fresh_model()
    assert load_initial_weights(model, str(folder), WEIGHTS) == []
    assert taken(model, weights) == model.state_dict().keys()


@pytest.mark.parametrize(
    ("model", "random"),
    [
        (fresh_model(num_labels=7), HEADS),
        (fresh_model(num_queries=9), {"queries"}),
        (fresh_model(num_labels=7, num_queries=9), HEADS | {"queries"}),
    ],
)
def test_other_labels_or_queries_start_over_and_are_named(weights, model, random):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert load_initial_weights(model, str(weights), WEIGHTS) == sorted(random)
    assert taken(model, weights) == model.state_dict().keys() - random
    assert all(model.state_dict()[name].equal(before[name]) for name in random)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"depth": 4}, r"17 missing: blocks\.3\..* and 9 more"),
        ({"depth": 2, "taps": (1,)}, r"\d+ surplus: blocks\.2\."),
        ({"dim": 24}, r"\d+ of another shape: blocks\.0\."),
        ({"num_registers": 2}, "1 of another shape: register_tokens"),
        ({"position": "learned"}, "1 missing: position_embedding"),
        ({"key_bias": True}, r"3 missing: blocks\.0\.attention\.k_proj\.bias"),
    ],
)
def test_anything_else_must_fit(weights, changes, said):
    model = fresh_model(**changes)
    before = model.blocks[0].norm1.weight.clone()
    with pytest.raises(ValueError, match=f"given.safetensors do not fit the model; .*{said}"):
        load_initial_weights(model, str(weights), WEIGHTS)
    assert model.blocks[0].norm1.weight.equal(before)


def test_a_dinov3_backbone_leaves_all_heads_random(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.DINOv3ViTConfig(
        hidden_size=16, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2,
        num_register_tokens=4, key_bias=False,
    )  # fmt: skip
    backbone = transformers.DINOv3ViTModel(config)
    backbone.save_pretrained(tmp_path / "dinov3")
    model = fresh_model()
    random = load_initial_weights(model, str(tmp_path / "dinov3"), WEIGHTS)
    parts = {name.split(".")[0] for name in random}
    assert parts == {"queries", "class_head", "mask_head", "upscale"}
    theirs = backbone.state_dict()
    name = next(n for n in theirs if n.endswith("1.attention.q_proj.weight"))
    assert model.blocks[1].attention.q_proj.weight.equal(theirs[name])
    assert model.cls_token.equal(backbone.embeddings.cls_token)


def test_a_file_of_something_else_is_refused(tmp_path):
    save_file({"encoder.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="neither from .psg convert. nor .* encoder.weight"):
        load_initial_weights(fresh_model(), str(tmp_path / "other.safetensors"), WEIGHTS)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_initial_weights(fresh_model(), str(tmp_path / "nowhere"), WEIGHTS)


def test_a_run_starts_from_the_weights_of_its_config(write_config, capsys):
    first = train.run(write_config("first"), stage="segmentation")
    settings = {"initial_weights": str(first), "learning_rate": 1e-12, "average": 0.0}
    second = train.run(write_config("second", segmentation=settings), stage="segmentation")
    assert "starts from" in capsys.readouterr().out
    given, kept = (load_weights(folder / WEIGHTS) for folder in (first, second))
    torch.testing.assert_close(kept["queries"], given["queries"])
    elsewhere = train.run(
        write_config("third", segmentation={"average": 0.0}), stage="segmentation"
    )
    assert not load_weights(elsewhere / WEIGHTS)["queries"].equal(kept["queries"])


def test_unfitting_weights_are_refused_before_the_folder_is_taken(write_config, weights, tmp_path):
    config = write_config(segmentation={"initial_weights": str(weights)})
    with pytest.raises(ValueError, match="do not fit the model"):
        train.run(config, stage="segmentation")
    assert not (tmp_path / "run").exists()
