# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder's networks: shared weights, trained weights, the published sizes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from psg_ros.benchmark.ladder.inputs import read_picture, read_vocabulary
from psg_ros.benchmark.ladder.measurement import build_frame
from psg_ros.benchmark.ladder.networks import build_network
from psg_ros.benchmark.ladder.settings import LadderSettings
from psg_ros.benchmark.ladder.steps import (
    BOTH_WAYS,
    CLASS_ONLY,
    DSFORMER,
    PACKED,
    PER_MASK,
    RAW,
    SHARED,
)
from psg_ros.benchmark.ladder.work import count_parameters
from psg_ros.cli.ladder_options import run_settings
from psg_ros.network.config import ModelConfig
from psg_ros.setting_files import load_config

CONFIGS = Path(__file__).parents[3] / "config" / "model"


@pytest.mark.parametrize(
    ("name", "published"), [("dsflash_s", 40), ("dsflash_b", 116), ("dsflash_l", 340)]
)
def test_published_sizes_have_the_published_parameters(name, published, tiny_settings):
    config = load_config(ModelConfig, CONFIGS / f"{name}.yaml")
    count = count_parameters(BOTH_WAYS, config, read_vocabulary(tiny_settings))
    assert count / 1e6 == pytest.approx(published, rel=0.02)


def test_a_backbone_of_its_own_costs_parameters_and_one_direction_saves_the_gate(tiny_settings):
    config, vocabulary = tiny_settings.model_config, read_vocabulary(tiny_settings)
    dsformer, shared, both = (
        count_parameters(step, config, vocabulary) for step in (DSFORMER, SHARED, BOTH_WAYS)
    )
    assert dsformer - shared > 23e6, "ResNet-50"
    assert both - shared == 24 * 24 + 24, "the gate"


def test_steps_share_their_random_weights(tiny_settings):
    config = tiny_settings.model_config
    one, other = (build_network(step, config).state_dict() for step in (RAW, PACKED))
    inner = [n for n in one if n in other]
    assert len(inner) > 50
    assert all(torch.equal(one[name], other[name]) for name in inner)
    changed = build_network(RAW, config, seed=1).state_dict()
    assert not torch.equal(one["segmenter.queries"], changed["segmenter.queries"])


def test_dsformer_takes_over_how_overlaps_weigh(tiny_settings):
    config = tiny_settings.model_config
    relations = dataclasses.replace(config.relations, background="onoff")
    network = build_network(DSFORMER, dataclasses.replace(config, relations=relations))
    assert network.relations.mask_embedding.background is None
    plain = build_network(DSFORMER, config)
    assert plain.relations.mask_embedding.background is not None


def test_model_that_answers_one_direction_is_refused(tiny_settings):
    config = tiny_settings.model_config
    relations = dataclasses.replace(config.relations, split="none")
    with pytest.raises(ValueError, match=r"relations\.split"):
        build_network(RAW, dataclasses.replace(config, relations=relations))


@pytest.fixture
def run_folder(tmp_path: Path, tiny_settings: LadderSettings) -> Path:
    """A finished run whose weights are recognisable."""
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(tiny_settings.model))
    config = {"model": str(tmp_path / "model.yaml"), "labels": "psg", "data": "d", "out": "o"}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    network = build_network(CLASS_ONLY, tiny_settings.model_config, seed=9)
    for name in ("segmenter", "relations"):
        save_file(getattr(network, name).state_dict(), tmp_path / f"{name}.safetensors")
    return tmp_path


@pytest.mark.parametrize("step", [RAW, PACKED, PER_MASK, DSFORMER], ids=lambda step: step.name)
def test_steps_take_what_fits_of_a_training_run(step, run_folder, tiny_settings):
    settings = dataclasses.replace(tiny_settings, **run_settings(run_folder))
    network = build_frame(step, settings).network
    trained = build_network(BOTH_WAYS, tiny_settings.model_config, seed=9)
    assert torch.equal(network.segmenter.queries, trained.segmenter.queries)
    if step is not DSFORMER:
        ours, expected = network.relations.head.mlp, trained.relations.head.mlp
        assert all(map(torch.equal, ours.parameters(), expected.parameters()))


def test_trained_network_finds_its_own_segments(run_folder, tiny_settings):
    settings = dataclasses.replace(tiny_settings, **run_settings(run_folder))
    found = build_frame(RAW, settings)([read_picture(settings)])[0]
    assert found.masks.segmentation.num_segments == 0, "random weights are sure of nothing"
    assert found.scores.logits.shape == (0, 57)
    assert np.array_equal(found.triplets, [])


def test_run_that_is_not_finished_is_refused(run_folder):
    (run_folder / "relations.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"not a finished run: it has no relations\.safe"):
        run_settings(run_folder)
