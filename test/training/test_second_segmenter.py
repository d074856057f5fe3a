# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter of another kind goes the whole way from its config to a scene graph.

It is one file, `toy_segmenter.py`, and one line in the table, which stands here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from toy_segmenter import TOY, WIDTHS, Toy, ToyConfig

from psg_ros.benchmark.ladder.networks import build_network
from psg_ros.benchmark.ladder.steps import RAW
from psg_ros.config import PipelineConfig, Recommendation
from psg_ros.frame import Frame
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import TapEmbedding
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.segmenters.table import SEGMENTERS
from psg_ros.pictures.picture_file import read_image
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.setting_files import config_from_dict, load_config
from psg_ros.training import network, train
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.config import SegmentationTraining, TrainConfig
from psg_ros.training.relations import relation_run
from psg_ros.training.release import AS_TRAINED, Layout, Switches, export_model, switched
from psg_ros.training.segmenter import segmentation_run
from psg_ros.training.segmenter.segmentation_checks import check_settings

NETWORK = {
    "name": "toy",
    "segmenter": {"type": "toy", "input_hw": [32, 48], "num_queries": 6},
    "relations": {"dim": 16, "depth": 2, "num_heads": 2, "head_hidden": 16, "cell_patches": 2},
}
SEGMENTATION = {
    "semantic_weight": 0.0,
    "phases": [{"input_hw": [16, 32], "samples": 4}, {"input_hw": [32, 48], "samples": 4}],
}
LONGER = {
    "phases": [{"input_hw": [32, 48], "samples": 200}],
    "batch_size": 4, "learning_rate": 0.02, "average": 0.0,
}  # fmt: skip
"""Enough to know the three colours of the pictures."""
ALL_RELATIONS = Recommendation(score=0.5, overlap=0.5, relation=0.0)


@pytest.fixture
def toy_config(
    write_config: Callable[..., Path], tiny_share: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """A function that writes a training config of the toy."""
    monkeypatch.setitem(SEGMENTERS, "toy", TOY)
    (tiny_share / "config" / "model" / "toy.yaml").write_text(yaml.safe_dump(NETWORK))

    def write(name: str = "run", segmentation: Mapping = {}, **relations: object) -> Path:
        stage_1 = {**SEGMENTATION, **segmentation}
        return write_config(name, model="toy", segmentation=stage_1, relations=relations)

    return write


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_it_is_trained_exported_and_run_in_every_form(toy_config, tiny_psg, tmp_path):
    run = train.run(toy_config(segmentation=LONGER, validation_images=1))
    picture, answers = read_image(tiny_psg / "0.png"), {}
    forms = {"two": (AS_TRAINED,), "pruned": (Switches(prune=True),)}
    for name, form in (forms | {"fused": (AS_TRAINED, Layout("fused", 4))}).items():
        folder = export_model(run, tmp_path / name, ALL_RELATIONS, *form)
        manifest = load_model_folder(folder).manifest
        # Cells are of two patches of 8 px, the coarser of the two strides.
        assert (manifest.grid_hw, manifest.cell_px, manifest.mask_stride) == ((2, 3), (16, 16), 4)
        with Pipeline.open(PipelineConfig(model=str(folder), backend="onnxruntime")) as pipeline:
            graph = answers[name] = pipeline(Frame(picture))
        assert sorted(node.class_name for node in graph.nodes) == ["ball", "box", "ground"], name
        assert len(graph.relations) == 6, "one for each direction of each pair"
    low = {"score_threshold": 0.5, "overlap_threshold": 0.5, "relation_threshold": 0.0}
    with Pipeline.open(PipelineConfig(model=str(run), backend="torch", **low)) as pipeline:
        expected = pipeline(Frame(picture)).relation_scores
    np.testing.assert_array_equal(answers["two"].relation_scores.pairs, expected.pairs)
    np.testing.assert_allclose(answers["two"].relation_scores.logits, expected.logits, atol=1e-4)


def test_stage_2_may_tune_it_where_features_depend_on_it(toy_config):
    run = train.run(toy_config(frozen=False, segmenter_rate=1.0, learning_rate=1e-2))
    before = load_weights(run / segmentation_run.WEIGHTS)
    after = load_weights(run / relation_run.TUNED_SEGMENTER)
    changed = {name.split(".")[0] for name, value in after.items() if not value.equal(before[name])}
    assert changed == {"fine", "coarse"}


def test_a_features_cache_holds_maps_of_any_width(toy_config, tmp_path):
    cached = train.run(toy_config("cached", feature_cache=str(tmp_path / "cache")))
    kept = train.run(toy_config("kept"))
    first, second = (load_weights(run / relation_run.WEIGHTS) for run in (cached, kept))
    assert all(value.equal(second[name]) for name, value in first.items())


def test_a_run_folder_starts_another_run(toy_config):
    first = train.run(toy_config("first"), stage="segmentation")
    settings = {"initial_weights": str(first), "learning_rate": 1e-12, "average": 0.0}
    second = train.run(toy_config("second", settings), stage="segmentation")
    given, kept = (load_weights(run / segmentation_run.WEIGHTS) for run in (first, second))
    torch.testing.assert_close(kept, given)


def test_its_config_survives_what_the_ladder_and_conversions_make_of_it(toy_config):
    config = load_config(ModelConfig, network.model_file(load_config(TrainConfig, toy_config())))
    assert isinstance(config.segmenter, ToyConfig)
    assert config_from_dict(ModelConfig, dataclasses.asdict(config), "again") == config
    with pytest.raises(ValueError, match="the ladder measures EoMT, not the segmenter toy"):
        build_network(RAW, config)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gate_until": 0.5}, "gate_until is not a setting of the segmenter toy"),
        ({"layer_decay": 0.5}, "layer_decay is not a setting of the segmenter toy"),
        ({"semantic_weight": 1.0}, "semantic_weight must be 0: the segmenter toy gives no mask"),
        ({"phases": [{"input_hw": [20, 32], "samples": 4}]}, "must be multiples of 8 px"),
    ],
)
def test_training_that_it_cannot_do_is_refused_by_name(toy_config, change, said):
    settings = {**SEGMENTATION, "batch_size": 2, "warmup_samples": 2}
    for values, refused in ((settings, False), (settings | change, True)):
        training = config_from_dict(SegmentationTraining, values, "test")
        with pytest.raises(ValueError, match=said) if refused else nullcontext():
            check_settings(training, ToyConfig(input_hw=(32, 48)), num_images=5)


def test_a_switch_that_it_does_not_have_is_refused_by_name(toy_config):
    config = load_config(TrainConfig, toy_config())
    model = train.build_model(config, train.vocabulary_of(config))
    with pytest.raises(ValueError, match="the segmenter toy has no merge_ratio to change"):
        switched(model, Switches(merge_ratio=0.5))


def test_maps_of_two_strides_meet_on_the_coarser_grid():
    relations = RelationConfig(dim=16, num_heads=2, tap_norm="none", cell_patches=2)
    network = ToyConfig(input_hw=(32, 48))
    embedding = TapEmbedding(network, relations)
    fine, coarse = Toy(network, num_labels=3).encode(torch.rand(2, 3, 32, 48))
    assert embedding.shapes == [(8 * 12, WIDTHS[0]), (4 * 6, WIDTHS[1])]
    assert [tuple(one.shape[1:]) for one in (fine, coarse)] == embedding.shapes
    found = embedding([fine, coarse])
    # The second cell of the first row: patches (0..1, 2..3), each of 2 x 2 cells of the finer map.
    patches = fine.view(2, 4, 2, 6, 2, WIDTHS[0]).mean(dim=(2, 4))[:, 0:2, 2:4]
    both = torch.cat((patches, coarse.view(2, 4, 6, WIDTHS[1])[:, 0:2, 2:4]), dim=-1)
    weight, bias = embedding.embed.weight, embedding.embed.bias
    expected = torch.einsum("bhwc,dchw->bd", both, weight) + bias
    torch.testing.assert_close(found[:, 1], expected)
    assert found.shape == (2, 2 * 3, 16)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"input_hw": [36, 48]}, r"input_hw \(36, 48\) must be multiples of 8 px"),
        ({"type": "tyo"}, "toy.*: segmenter: segmenter type must be one of eomt, .*toy, not 'tyo'"),
        ({"type": ["toy"]}, r"segmenter type must be one of eomt, .*toy, not \['toy'\]"),
        ({"depth": 3}, "unknown key 'depth'"),
    ],
)
def test_a_config_that_cannot_be_is_refused(toy_config, changes, said):
    network = {**NETWORK, "segmenter": {**NETWORK["segmenter"], **changes}}
    with pytest.raises(ValueError, match=said):
        config_from_dict(ModelConfig, network, "toy.yaml")


def test_a_config_without_a_type_is_of_eomt():
    assert config_from_dict(ModelConfig, {"name": "x"}, "test").segmenter == EomtConfig()
    named = {"name": "x", "segmenter": {"type": "eomt", "dim": 192}}
    assert config_from_dict(ModelConfig, named, "test").segmenter == EomtConfig(dim=192)


def test_every_config_class_has_the_name_it_is_listed_under(toy_config):
    assert {name: kind.config().type for name, kind in SEGMENTERS.items()} == {
        name: name for name in SEGMENTERS
    }
