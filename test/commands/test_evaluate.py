# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg evaluate, on a data set painted for a model whose answers can be foretold."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import COLORS, NUM_THINGS, PREDICATES, paint

from psg_ros.__main__ import main

BOXES = [
    {"red": (16, 16, 96, 96), "blue": (208, 32, 304, 128)},
    {"green": (16, 16, 96, 96), "red": (208, 32, 304, 128)},
]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two pictures in PSG layout; in each the first box is left of the second."""
    names = list(COLORS)[:6]
    entries = [write_entry(tmp_path, index, boxes, names) for index, boxes in enumerate(BOXES)]
    content = {
        "thing_classes": names[:NUM_THINGS],
        "stuff_classes": names[NUM_THINGS:],
        "predicate_classes": list(PREDICATES),
        "test_image_ids": ["0", "1"],
        "data": entries,
    }
    (tmp_path / "psg.json").write_text(json.dumps(content))
    return tmp_path


def write_entry(folder: Path, index: int, boxes: dict, names: list[str]) -> dict:
    masks = np.zeros((240, 320, 3), np.uint8)
    infos = []
    for number, (name, (left, top, right, bottom)) in enumerate(boxes.items(), start=1):
        masks[top:bottom, left:right, 2] = number  # red is the lowest byte of an id
        infos.append({"id": number, "category_id": names.index(name), "iscrowd": 0})
    cv2.imwrite(str(folder / f"{index}_masks.png"), masks)
    cv2.imwrite(str(folder / f"{index}.png"), paint((240, 320), boxes)[..., ::-1])
    return {
        "image_id": str(index),
        "file_name": f"{index}.png",
        "pan_seg_file_name": f"{index}_masks.png",
        "height": 240,
        "width": 320,
        "segments_info": infos,
        "relations": [[0, 1, list(PREDICATES).index("left of")]],
    }


def test_a_model_that_finds_everything_gets_full_marks(
    dataset: Path, tiny_model: Path, capsys
) -> None:
    result, tables = dataset / "result.json", dataset / "result.md"
    arguments = ["evaluate", str(dataset), "--model", str(tiny_model)]
    assert main([*arguments, "--json", str(result), "--markdown", str(tables)]) == 0
    content = json.loads(result.read_text())
    assert (content["model"], content["split"], content["task"]) == ("tiny", "test", "SGDet")
    assert content["num_images"] == 2 and content["scores"]["R@20"] == 100
    assert content["scores"]["PQ"] > 80
    assert "| R@20 | 100.00 |" in tables.read_text()
    assert "R@20       100.00 %" in capsys.readouterr().out


def test_images_limits_the_work(dataset: Path, tiny_model: Path, capsys) -> None:
    assert main(["evaluate", str(dataset), "--model", str(tiny_model), "--images", "1"]) == 0
    assert "1 images of" in capsys.readouterr().out


def test_an_empty_split_is_refused(dataset: Path, tiny_model: Path, capsys) -> None:
    assert main(["evaluate", str(dataset), "--model", str(tiny_model), "--split", "val"]) == 2
    assert "no images in its val split" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_first(dataset: Path, capsys) -> None:
    where = str(dataset / "absent" / "a.json")
    assert main(["evaluate", str(dataset), "--model", "none", "--json", where]) == 2
    assert "absent" in capsys.readouterr().err


def test_predcls_judges_relations_on_true_masks(dataset: Path, tiny_model: Path) -> None:
    result = dataset / "result.json"
    arguments = ["evaluate", str(dataset), "--model", str(tiny_model), "--task", "predcls"]
    assert main([*arguments, "--json", str(result)]) == 0
    content = json.loads(result.read_text())
    assert content["task"] == "PredCls" and content["scores"]["R@20"] == 100
    assert "PQ" not in content["scores"]
