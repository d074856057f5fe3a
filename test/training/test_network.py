# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which network a run has: that of its config, its segmenter as `psg convert` found it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from psg_ros.network.config import ModelConfig
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.setting_files import load_config
from psg_ros.training import train
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.config import TrainConfig
from psg_ros.training.network import CONVERTED_MODEL, build_model, model_config, vocabulary_of
from psg_ros.training.segmenter.segmentation_run import WEIGHTS

REPOSITORY = Path(__file__).resolve().parents[2]


def converted(folder: Path, network: dict, **changes) -> None:
    """Leave in a run folder what `psg convert` does; changes are of the segmenter."""
    folder.mkdir(parents=True, exist_ok=True)
    model = {**network, "name": "public", "scaling": "eomt"}
    model["segmenter"] = {**network["segmenter"], **changes}
    (folder / CONVERTED_MODEL).write_text(yaml.safe_dump(model))
    sizes = load_config(ModelConfig, folder / CONVERTED_MODEL)
    save_weights(Eomt(sizes.segmenter, num_labels=3).state_dict(), folder / WEIGHTS)


@pytest.fixture
def config(write_config) -> TrainConfig:
    return load_config(TrainConfig, write_config())


def test_a_segmenter_of_stage_1_has_the_sizes_of_the_config(config):
    sizes = model_config(config)
    assert (sizes.name, sizes.scaling, sizes.segmenter.num_queries) == ("tiny", "area", 5)


def test_a_converted_segmenter_is_fed_as_it_was_trained(config, tiny_network, caplog):
    converted(Path(config.out), tiny_network, num_queries=7, norm_eps=1e-5)
    sizes = model_config(config)
    assert (sizes.scaling, sizes.segmenter.num_queries) == ("eomt", 7)
    assert isinstance(sizes.segmenter, EomtConfig) and sizes.segmenter.norm_eps == 1e-5
    assert (sizes.name, sizes.relations.dim) == ("tiny", 16), "the rest is the config's"
    for said in ("scaling eomt, not area", "num_queries 7, not 5", str(Path(config.out))):
        assert said in caplog.text


def test_what_no_checkpoint_decides_is_the_configs(config, tiny_network, caplog):
    converted(Path(config.out), tiny_network, taps=[1])
    segmenter = model_config(config).segmenter
    assert isinstance(segmenter, EomtConfig) and segmenter.taps == (0, 2)
    assert "taps" not in caplog.text


def test_what_agrees_is_not_talked_about(config, tiny_network, tiny_share, caplog):
    file = tiny_share / "config" / "model" / "tiny.yaml"
    file.write_text(file.read_text() + "scaling: eomt\n")
    converted(Path(config.out), tiny_network)
    assert model_config(config).scaling == "eomt" and not caplog.text


def test_left_over_sizes_without_a_segmenter_do_not_count(config, tiny_network):
    converted(Path(config.out), tiny_network)
    (Path(config.out) / WEIGHTS).unlink()
    assert model_config(config).scaling == "area"


def test_a_recipe_trains_on_a_converted_segmenter_and_the_run_remembers(
    write_config, tiny_network, tmp_path
):
    path = write_config(relations={"epochs": 1})
    converted(tmp_path / "run", tiny_network, num_queries=7)
    folder = train.run(path, stage="relations")
    moved = folder.rename(tmp_path / "moved")
    model = train.load_run(moved)[0]
    assert (model.config.scaling, model.config.segmenter.num_queries) == ("eomt", 7)


@pytest.mark.parametrize("size", ["s", "b", "l"])
def test_published_networks_are_fed_as_eomt_is(size):
    for name in (f"dsflash_{size}", f"eomt_{size}"):
        config = load_config(TrainConfig, REPOSITORY / "config" / "train" / f"{name}.yaml")
        assert model_config(config).scaling == "eomt", name


def test_the_network_is_built_by_these_sizes(config, tiny_network):
    converted(Path(config.out), tiny_network, num_queries=7)
    model = build_model(config, vocabulary_of(config))
    assert model.config == model_config(config)
    assert model.segmenter.queries.shape[0] == 7


def test_a_run_that_psg_convert_has_begun_may_be_moved(write_config, tiny_network, tmp_path):
    """Its config names the file of sizes by the folder's old name, as `psg convert` writes it."""
    model = str(tmp_path / "run" / CONVERTED_MODEL)
    path = write_config(model=model, relations={"epochs": 1})
    converted(tmp_path / "run", tiny_network, num_queries=7)
    folder = train.run(path, stage="relations")
    moved = folder.rename(tmp_path / "elsewhere")
    network, _, _ = train.load_run(moved)
    assert network.config.segmenter.num_queries == 7
