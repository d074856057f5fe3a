# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg convert: a Mask2Former, PRO-SCALE or YOSO of its own code, up to a prediction."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mask2former_checkpoints import (  # noqa: E402
    MASK2FORMER,
    PRO_SCALE,
    small_segmenter,
    write_training_checkpoint,
    write_zoo_pickle,
)
from yoso_checkpoints import YOSO, write_release  # noqa: E402

from psg_ros.__main__ import main  # noqa: E402
from psg_ros.robot.manifest import load_model_folder  # noqa: E402
from psg_ros.setting_files import load_config  # noqa: E402
from psg_ros.training.checkpoint import load_weights  # noqa: E402
from psg_ros.training.config import TrainConfig  # noqa: E402
from psg_ros.training.train import build_model, vocabulary_of  # noqa: E402

SIZE = ["--input-size", "96x64"]


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights = small_segmenter(MASK2FORMER, 133).state_dict()
    return write_zoo_pickle(weights, tmp_path_factory.mktemp("zoo") / "model_final.pkl")


def test_the_run_folder_is_ready_for_the_second_stage(pickled, tmp_path, capsys):
    out = tmp_path / "runs" / "small"
    assert main(["convert", str(pickled), str(out), *SIZE]) == 0
    printed = capsys.readouterr()
    assert "Mask2Former on Swin 2-1-1-1, detectron2 layout: 133 labels" in printed.out
    assert "input 96x64 px" in printed.out and printed.err == ""
    config = load_config(TrainConfig, out / "relations.yaml")
    model = build_model(config, vocabulary_of(config))
    assert model.config.segmenter == MASK2FORMER, "with the backbone's sizes"
    assert model.config.scaling == "lightly_train", "a later export must say so, too"
    model.segmenter.load_state_dict(load_weights(out / "segmenter.safetensors"), strict=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--input-size", "100x64"], "input_hw (64, 100) must be multiples of 32 px"),
        ([*SIZE, "--backbone", "x.pth"], "holds whole weights; leave --backbone out"),
        ([*SIZE, "--labels", "photo"], "the checkpoint knows 133 labels, but photo has"),
        (
            [*SIZE, "--export", "model", "--merge-ratio", "0.5"],
            "the segmenter mask2former has no merge_ratio to change",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    pickled, options, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["convert", str(pickled), "run", *options]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", ["0", "-32", "64x", "64x96x3", "sixty", "1e3"])
def test_a_size_that_is_none_is_refused(pickled, size, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["convert", str(pickled), str(tmp_path / "run"), f"--input-size={size}"])
    assert stop.value.code == 2
    assert f"{size!r} is neither PX nor WIDTHxHEIGHT" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
@pytest.mark.parametrize(
    ("network", "write", "said", "block"),
    [
        (PRO_SCALE, write_training_checkpoint, "PRO-SCALE (1, 2, 1), recalibration release", 1),
        (YOSO, write_release, "YOSO on ResNet 1-2-1-1, YOSO's own layout: 133 labels", 20),
    ],
    ids=["pro_scale", "yoso"],
)
def test_a_file_becomes_a_model_that_finds_segments(network, write, said, block, tmp_path, capsys):
    """On noise in blocks of so many px, in which these random weights find something."""
    file, model = tmp_path / "model_final.pth", tmp_path / "model"
    weights = small_segmenter(network, 133).state_dict()
    classes = [name for name in weights if re.search(r"class_head.*bias", name)][-1]
    weights[classes][-1] = -20  # not all is "no object"
    write(weights, file)
    arguments = [str(file), str(tmp_path / "run"), *SIZE, "--export", str(model)]
    assert main(["convert", *arguments]) == 0
    assert said in capsys.readouterr().out
    manifest = load_model_folder(str(model)).manifest
    assert (manifest.form, manifest.input_hw) == ("segmenter_only", (64, 96))
    picture, graph = tmp_path / "upright.png", tmp_path / "graph.json"
    size = (200 // block, 120 // block, 3)
    noise = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    cv2.imwrite(str(picture), noise.repeat(block, axis=0).repeat(block, axis=1))
    for threshold, found in (("0", True), ("1", False)):
        options = [f"--{name}-threshold={threshold}" for name in ("score", "overlap")]
        predict = ["predict", str(picture), "--model", str(model), "--json", str(graph)]
        assert main([*predict, "--threads", "1", *options]) == 0
        assert bool(json.loads(graph.read_text())["nodes"]) == found
