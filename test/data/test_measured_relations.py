# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations measured from depth images: what is written down, and what stays doubtful."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.data.measured_relations import Certainty, DepthCamera, measure_relations
from psg_ros.data.opening import open_dataset
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary

HW = (120, 160)
CAMERA = DepthCamera(160.0, 160.0, 80.0, 60.0)
VOCABULARY = Vocabulary(
    (
        ObjectLabel("chair", True, (1, 1, 1)),
        ObjectLabel("cup", True, (2, 2, 2)),
        ObjectLabel("floor-other-merged", False, (3, 3, 3)),
        ObjectLabel("wall-other-merged", False, (4, 4, 4)),
    ),
    tuple(map(Predicate, ("on", "standing on", "beside"))),
)
CHAIR, CUP, FLOOR, WALL = range(4)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A chair on a floor before a wall; a cup drawn over the chair, with a depth as given."""
    ids = np.zeros(HW, np.uint8)
    ids[:70], ids[70:] = 4, 3
    depth = np.full(HW, 4000, np.uint16)
    rows = np.arange(70, 120)
    depth[70:] = (1200 * 160 / (rows - 60)).astype(np.uint16)[:, None]
    ids[40:100, 60:90], depth[40:100, 60:90] = 1, depth[100, 0]
    ids[50:60, 70:80], depth[50:60, 70:80] = 2, depth[100, 0]
    cv2.imwrite(str(tmp_path / "ids.png"), np.stack([0 * ids, 0 * ids, ids], axis=2))
    cv2.imwrite(str(tmp_path / "depth.png"), depth)
    cv2.imwrite(str(tmp_path / "image.jpg"), np.zeros((*HW, 3), np.uint8))
    segments = [(1, CHAIR), (2, CUP), (3, FLOOR), (4, WALL)]
    entry = {
        "image_id": "a",
        "file_name": "image.jpg",
        "pan_seg_file_name": "ids.png",
        "depth_file_name": "depth.png",
        "height": HW[0],
        "width": HW[1],
        "segments_info": [{"id": i, "category_id": label} for i, label in segments],
        "relations": [[0, 1, 0]],
    }
    content = {
        "thing_classes": ["chair", "cup"],
        "stuff_classes": ["floor-other-merged", "wall-other-merged"],
        "predicate_classes": ["on"],
        "data": [entry],
    }
    (tmp_path / "psg.json").write_text(json.dumps(content))
    return tmp_path / "psg.json"


def measured(path: Path, certainty: Certainty = Certainty()) -> dict:  # noqa: B008
    (last,) = measure_relations(path, VOCABULARY, CAMERA, certainty=certainty)
    return last.content


def test_what_depth_shows_replaces_the_relations(room: Path) -> None:
    content = measured(room)
    assert content["predicate_classes"] == ["on", "standing on", "beside"]
    # The cup's underside touches the chair, which reaches below it; the chair touches the floor.
    assert content["data"][0]["relations"] == [[CHAIR, FLOOR, 1], [CUP, CHAIR, 0]]


def test_neighbours_of_which_no_rule_speaks_are_doubtful_and_the_rest_is_not(room: Path) -> None:
    doubtful = measured(room)["data"][0]["doubtful_pairs"]
    assert [FLOOR, WALL] not in doubtful, "their depths are far apart where they meet"
    assert [CUP, WALL] not in doubtful and [CHAIR, FLOOR] not in doubtful


def test_a_segment_without_depth_is_doubtful_with_all(room: Path) -> None:
    depth = cv2.imread(str(room.parent / "depth.png"), cv2.IMREAD_UNCHANGED)
    depth[50:60, 70:80] = 0
    cv2.imwrite(str(room.parent / "depth.png"), depth)
    doubtful = measured(room)["data"][0]["doubtful_pairs"]
    assert [p for p in doubtful if CUP in p] == [[CHAIR, CUP], [CUP, FLOOR], [CUP, WALL]]


def test_the_file_opens_as_a_data_set(room: Path) -> None:
    content = measured(room)
    room.write_text(json.dumps(content), encoding="utf-8")
    (image,) = open_dataset(room, VOCABULARY, "train")
    assert image.doubtful_pairs.tolist() == content["data"][0]["doubtful_pairs"]
    assert image.triplets.tolist() == content["data"][0]["relations"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entry: entry.pop("depth_file_name"), "image a has no depth_file_name"),
        (lambda entry: entry.update(depth_file_name="no.png"), "no.png does not exist"),
        (lambda entry: entry.update(depth_file_name="image.jpg"), "one channel of 16 bit"),
    ],
)
def test_a_missing_or_other_depth_image_is_named(room: Path, change, message: str) -> None:
    content = json.loads(room.read_text(encoding="utf-8"))
    change(content["data"][0])
    room.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        measured(room)


def test_a_depth_image_of_another_size_is_refused(room: Path) -> None:
    cv2.imwrite(str(room.parent / "depth.png"), np.ones((60, 80), np.uint16))
    with pytest.raises(ValueError, match=r"depth.png.*60"):
        measured(room)


def test_certainty_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="doubtful <= known"):
        Certainty(known=0.1, doubtful=0.5)


def test_a_broken_entry_is_named_before_anything_is_measured(room: Path) -> None:
    content = json.loads(room.read_text(encoding="utf-8"))
    content["data"].append({"image_id": "b", "file_name": "image.jpg"})
    room.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"image b: the entry is not in the data set's layout"):
        next(measure_relations(room, VOCABULARY, CAMERA))


@pytest.mark.parametrize("unit_m", [0.0, -0.001, float("nan")])
def test_a_unit_that_is_no_length_is_refused(unit_m: float) -> None:
    with pytest.raises(ValueError, match="unit_m must be above 0"):
        DepthCamera(160.0, 160.0, 80.0, 60.0, unit_m)
