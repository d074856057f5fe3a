# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg calibrate, on pictures painted for a model whose answers can be foretold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from tiny_model import COLORS, NUM_THINGS, PREDICATES, paint

from psg_ros.__main__ import main

BOXES = {"red": (16, 16, 96, 96), "blue": (208, 32, 304, 128)}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """24 pictures; the red box is left of the blue one, and only that is annotated."""
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
