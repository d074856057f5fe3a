# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg calibrate, on pictures painted for a model whose answers can be foretold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from absent_packages import hide
from tiny_model import COLORS, NUM_THINGS, PREDICATES, paint

from psg_ros.__main__ import main

BOXES = {"red": (16, 16, 96, 96), "blue": (208, 32, 304, 128)}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """24 pictures; the red box is left of the blue one, and only that is annotated."""
    pytest.importorskip("scipy", reason="needs the extra train")
    names = list(COLORS)[:6]
    infos = [
        {"id": number, "category_id": names.index(name), "iscrowd": 0}
        for number, name in enumerate(BOXES, start=1)
    ]
    masks = paint((240, 320), {})
    for info, (left, top, right, bottom) in zip(infos, BOXES.values(), strict=True):
        masks[top:bottom, left:right, 2] = info["id"]  # BGR: red is the lowest byte of an id
    cv2.imwrite(str(tmp_path / "masks.png"), masks)
    cv2.imwrite(str(tmp_path / "image.png"), paint((240, 320), BOXES)[..., ::-1])
    entry = {
        "file_name": "image.png", "pan_seg_file_name": "masks.png", "height": 240, "width": 320,
        "segments_info": infos, "relations": [[0, 1, list(PREDICATES).index("left of")]],
    }  # fmt: skip
    content = {
        "thing_classes": names[:NUM_THINGS],
        "stuff_classes": names[NUM_THINGS:],
        "predicate_classes": list(PREDICATES),
        "test_image_ids": [],
        "val_image_ids": [str(i) for i in range(24)],
        "data": [{"image_id": str(i), **entry} for i in range(24)],
    }
    (tmp_path / "psg.json").write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_predictions_carry_probabilities_afterwards(dataset, model, capsys):
    plot = dataset / "reliability.png"
    assert main(["calibrate", str(dataset), "--model", str(model), "--plot", str(plot)]) == 0
    printed = capsys.readouterr().out
    assert "48 relations listed in 24 images" in printed and "24 annotated" in printed
    assert "without a curve" in printed and "right of" in printed
    assert cv2.imread(str(plot)) is not None
    out = dataset / "graph.json"
    arguments = ["--model", str(model), "--json", str(out), "--relation-threshold", "0"]
    assert main(["predict", str(dataset / "image.png"), *arguments]) == 0
    found = {
        r["predicate_name"]: r["probability"] for r in json.loads(out.read_text())["relations"]
    }
    assert found["left of"] == pytest.approx(25 / 26, abs=1e-5)
    assert found["right of"] is None


def test_too_few_relations_write_nothing(dataset, model, capsys):
    assert main(["calibrate", str(dataset), "--model", str(model), "--images", "3"]) == 2
    assert "give more images" in capsys.readouterr().err
    assert not (model / "calibration.yaml").exists()


def test_too_few_images_to_judge_are_said_to_be_so(dataset, model, capsys):
    assert main(["calibrate", str(dataset), "--model", str(model), "--images", "12"]) == 0
    assert "too few images to say" in capsys.readouterr().out


@pytest.mark.parametrize("state", ["of other weights", "damaged", "of another vocabulary"])
def test_a_calibration_that_fits_no_more_is_replaced(dataset, model, capsys, state):
    table = model / "calibration.yaml"
    assert main(["calibrate", str(dataset), "--model", str(model)]) == 0
    good = table.read_text()
    if state == "of other weights":
        table.write_text(good.replace("model_sha256: ", "model_sha256: 00"))
    elif state == "damaged":
        table.write_text(good[:-20])
    else:
        table.write_text(good.replace("left of", "leftish"))
    predict = ["predict", str(dataset / "image.png"), "--model", str(model)]
    assert main(predict) == 2
    assert "run `psg calibrate` again" in capsys.readouterr().err
    assert main(["calibrate", str(dataset), "--model", str(model)]) == 0
    assert table.read_text() == good
    assert main(predict) == 0


def test_a_plot_that_cannot_be_drawn_is_refused_before_any_work(model, capsys, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra train")
    arguments = ["calibrate", "no data", "--model", str(model), "--plot"]
    for name, reason in (("a.bmp", "must end in .png"), ("a", "must end"), ("b/a.png", "folder")):
        assert main([*arguments, str(tmp_path / name)]) == 2
        assert reason in capsys.readouterr().err


def test_without_matplotlib_a_plot_is_refused_before_any_work(model, capsys, monkeypatch, tmp_path):
    hide(monkeypatch, "matplotlib.figure", "psg_ros.training.relations.reliability_plot")
    arguments = ["calibrate", "no data", "--model", str(model)]
    assert main([*arguments, "--plot", str(tmp_path / "a.png")]) == 1
    assert "pip install '.[train]'" in capsys.readouterr().err


def test_a_model_folder_that_cannot_be_written_is_refused_before_any_work(model, capsys):
    (model / "calibration.yaml").mkdir()
    assert main(["calibrate", "no data", "--model", str(model)]) == 2
    assert "calibration.yaml is a folder" in capsys.readouterr().err


def test_a_failing_plot_does_not_lose_the_table(dataset, model, monkeypatch):
    pytest.importorskip("matplotlib", reason="needs the extra train")

    def fail(found, out):
        raise OSError("disk full")

    monkeypatch.setattr("psg_ros.training.relations.reliability_plot.plot_reliability", fail)
    plot = str(dataset / "a.png")
    assert main(["calibrate", str(dataset), "--model", str(model), "--plot", plot]) == 1
    assert (model / "calibration.yaml").is_file()


@pytest.mark.parametrize("option", ["--relation-threshold", "--max-relations"])
def test_options_about_what_is_listed_do_not_exist(capsys, option):
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate", "no data", option, "1"])
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        main(["calibrate", "--help"])
    shown = capsys.readouterr().out
    assert option not in shown and "--score-threshold" in shown


def test_a_picture_of_another_size_is_named_as_such(dataset, model, capsys):
    cv2.imwrite(str(dataset / "image.png"), paint((120, 160), {}))
    assert main(["calibrate", str(dataset), "--model", str(model)]) == 2
    error = capsys.readouterr().err
    assert "image 0: " in error and "160 x 120 px, the annotation says 320 x 240 px" in error
    assert not (model / "calibration.yaml").exists()


def test_the_data_set_has_a_name_in_the_working_directory_too(
    dataset, model, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(dataset)
    assert main(["calibrate", ".", "--model", str(model)]) == 0
    assert f"listed in 24 images of {dataset.name}, split val" in capsys.readouterr().out
