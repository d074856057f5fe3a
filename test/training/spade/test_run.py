# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Both stages on a data set, by command."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

pytest.importorskip("diffusers")
pytest.importorskip("peft")

from tiny_psg import COLORS, PREDICATES, STUFF, THINGS, write_tiny_psg
from tiny_spade import write_public_models

from psg_ros.__main__ import main
from psg_ros.network.spade.config import CalibrationConfig
from psg_ros.network.spade.stage import Settings
from psg_ros.setting_files import config_from_dict, read_mapping


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    """A data set and its vocabulary, as arguments."""
    labels = {
        "things": [{"name": name, "color": _color(name)} for name in THINGS],
        "stuff": [{"name": name, "color": _color(name)} for name in STUFF],
        "predicates": [{"name": name} for name in PREDICATES],
    }
    (tmp_path / "labels.yaml").write_text(yaml.safe_dump(labels))
    write_tiny_psg(tmp_path / "data", num_images=3)
    return [str(tmp_path / "data"), "--labels", str(tmp_path / "labels.yaml")]


def _color(name: str) -> str:
    return "#" + bytes(COLORS[name]).hex()


@pytest.mark.slow
def test_a_data_set_becomes_a_stage_that_is_measured(
    tmp_path: Path, data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    calibration = CalibrationConfig(inversion_steps=2, map_size=8, epochs=2)
    config = dataclasses.replace(
        write_public_models(tmp_path), calibration=calibration, epochs=2, image_size=64
    )
    settings = tmp_path / "spade.yaml"
    settings.write_text(yaml.safe_dump(_listed(dataclasses.asdict(config))))
    out, maps = tmp_path / "spade", tmp_path / "maps"
    where, labels = data[0], data[1:]
    call = ["spade", "train", where, str(out), "--config", str(settings), "--maps", str(maps)]
    assert main([*call, *labels]) == 0
    printed = capsys.readouterr().out
    assert "stage 1: loss" in printed and "stage 2: loss" in printed and f"wrote {out}" in printed
    assert len(list(maps.iterdir())) == 2
    written = config_from_dict(Settings, read_mapping(out / "spade.yaml"), "spade.yaml")
    assert written.spade == config and written.trained.predicates == tuple(PREDICATES)
    assert main(["spade", "evaluate", where, str(out), "--split", "test", *labels]) == 0
    assert "mR@50" in capsys.readouterr().out
    assert main([*call, *labels]) == 2  # the folder is there
    assert "exists" in capsys.readouterr().err


def _listed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def test_training_needs_a_config_and_models(
    tmp_path: Path, data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["spade", "train", data[0], str(tmp_path / "spade"), *data[1:]]
    assert main(call) == 2
    assert "needs --config" in capsys.readouterr().err
    (tmp_path / "spade.yaml").write_text("diffusion_model: nowhere\nclip_model: nowhere\n")
    assert main([*call, "--config", str(tmp_path / "spade.yaml")]) == 2
    assert "diffusion_model 'nowhere' is not a folder" in capsys.readouterr().err
