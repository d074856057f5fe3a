# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Both stages on a data set, by command."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml

pytest.importorskip("diffusers")
pytest.importorskip("peft")

from tiny_psg import COLORS, PREDICATES, STUFF, THINGS, write_tiny_psg
from tiny_spade import write_public_models

from psg_ros.__main__ import main
from psg_ros.data.hold_out import base_of
from psg_ros.data.opening import open_dataset
from psg_ros.labels import find_vocabulary
from psg_ros.network.spade.config import CalibrationConfig, SpadeConfig
from psg_ros.network.spade.frozen import open_frozen_models
from psg_ros.network.spade.stage import Settings
from psg_ros.setting_files import config_from_dict, read_mapping
from psg_ros.spade_config import TrainedWords
from psg_ros.training.spade.examples import Examples
from psg_ros.training.spade.run import Lessons, check_calibration, train_spade


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
    judge = ["spade", "evaluate", where, str(out), "--split", "test", *labels]
    assert main(judge) == 0
    assert "mR@50" in capsys.readouterr().out
    files = [tmp_path / "ovdr.json", tmp_path / "ovdr.md"]
    asked = ["--open-set", "ovdr", "--k", "50", "--json", str(files[0]), "--markdown"]
    assert main([*judge, *asked, str(files[1])]) == 0
    said = capsys.readouterr()
    assert "this SPADE was trained with 1 of the novel labels (such as 'box')" in said.err
    assert "novel object, both ends" in said.out
    content = json.loads(files[0].read_text(encoding="utf-8"))
    views = content["open_set"]
    assert views["novel"] == {"labels": ["box"], "predicates": ["beside"]}
    assert views["scores"]["all"]["R@50"] == content["scores"]["R@50"]
    assert views["images"]["novel object, any end"] == 1 and content["task"] == "PredCls"
    assert "## Open set, protocol ovdr" in files[1].read_text(encoding="utf-8")
    assert main([*call, *labels]) == 2  # the folder is there
    assert "exists" in capsys.readouterr().err


def test_novel_names_are_neither_in_prompts_nor_in_what_stage_2_learns_from(
    tmp_path: Path, data: list[str]
) -> None:
    config, vocabulary = write_public_models(tmp_path), find_vocabulary(data[2])
    dataset = open_dataset(Path(data[0]), vocabulary, "train")
    ball, beside = vocabulary.label_index(["ball"]), vocabulary.predicate_index(["beside"])
    left, base = base_of(dataset, vocabulary, ball, beside)
    assert base.label_names == ("box", "ground") and base.predicate_names == ("on",)
    texts = [lesson.prompt.text for lesson in Lessons(config, left, base)]
    assert texts == ["box is on ground"] * len(dataset)
    for example in Examples(open_frozen_models(config), left):
        assert sorted(example.labels.tolist()) == [0, 1] and len(example.masks) == 2
        assert example.triplets[:, 2].tolist() == [0]


@pytest.mark.slow
def test_a_stage_that_finds_its_own_masks_learns_without_novel_predicates(
    tmp_path: Path, data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    calibration = CalibrationConfig(inversion_steps=2, map_size=8, epochs=1)
    config = dataclasses.replace(
        write_public_models(tmp_path), calibration=calibration, epochs=1,
        mask_source="internal", held_out_predicates="novel",
    )  # fmt: skip
    settings = tmp_path / "spade.yaml"
    settings.write_text(yaml.safe_dump(_listed(dataclasses.asdict(config))))
    out, files = tmp_path / "spade", ["--maps", str(tmp_path / "maps")]
    call = ["spade", "train", data[0], str(out), "--config", str(settings), "--images", "1"]
    assert main([*call, *files, *data[1:]]) == 0
    trained = read_mapping(out / "spade.yaml")["trained"]
    assert trained == {"objects": [*THINGS, *STUFF], "predicates": ["on"]}
    capsys.readouterr()
    judge = ["spade", "evaluate", data[0], str(out), "--split", "test", "--open-set", "ovr"]
    assert main([*judge, "--json", str(tmp_path / "a.json"), *data[1:]]) == 0
    said = capsys.readouterr()
    assert "not the protocol" not in said.err and "novel predicate" in said.out
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert content["task"] == "SGDet" and content["held_out_predicates"] == "novel"


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


@pytest.mark.parametrize(
    ("held_out", "told"),
    [
        ({"held_out_labels": "novel"}, "1 of the names that this training holds out .*'box'"),
        (
            {"held_out_predicates": "novel"},
            "1 of the names that this training holds out .*'beside'",
        ),
    ],
)
def test_a_calibration_that_has_read_novel_names_is_refused(
    tmp_path: Path, data: list[str], held_out: dict[str, str], told: str
) -> None:
    vocabulary = find_vocabulary(data[2])
    dataset = open_dataset(Path(data[0]), vocabulary, "train")
    trained = TrainedWords(vocabulary.label_names, vocabulary.predicate_names)
    settings = _listed(dataclasses.asdict(Settings(trained=trained)))
    (tmp_path / "spade.yaml").write_text(yaml.safe_dump(settings))
    config = dataclasses.replace(SpadeConfig(), **held_out)
    calibration = tmp_path / "calibration.safetensors"
    with pytest.raises(ValueError, match=told):
        train_spade(config, dataset, vocabulary, tmp_path / "out", maps=tmp_path,
                    calibration=calibration)  # fmt: skip
    check_calibration(calibration, [], [])
    check_calibration(calibration, ["unheard of"], [])
    with pytest.raises(FileNotFoundError, match="no folder of a trained SPADE"):
        check_calibration(tmp_path / "alone" / "calibration.safetensors", ["box"], [])
