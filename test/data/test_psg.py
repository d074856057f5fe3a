# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The PSG layout, read from a folder made by hand and from real annotations where there are any."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from psg_ros.data.psg import load_psg, read_panoptic_png, read_rgb
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary, load_vocabulary
from psg_ros.resources import share_path

SHARED = Path(__file__).parents[3] / "shared" / "data"

# Another order than the file's, and names that the file does not have.
VOCABULARY = Vocabulary(
    (
        ObjectLabel("dog", True, (255, 0, 0)),
        ObjectLabel("tree", True, (0, 255, 0)),
        ObjectLabel("cup", True, (0, 0, 255)),
        ObjectLabel("wall", False, (9, 9, 9)),
        ObjectLabel("sky", False, (99, 99, 99)),
    ),
    (Predicate("under"), Predicate("on"), Predicate("beside")),
)
# 9 is in no list; 70000 and 65536 need all three bytes.
SEGMENT_IDS = np.array([[0, 0, 7, 7], [70000, 70000, 7, 65536], [70000, 9, 9, 65536]])


def write_png(path: Path, ids: np.ndarray) -> None:
    bgr = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1)
    assert cv2.imwrite(str(path), bgr.astype(np.uint8))


def write_set(folder: Path, changes: dict[str, Any] | None = None, **entry: Any) -> Path:
    """Write a set of three like images; `entry` changes each, `changes` the whole JSON."""
    write_png(folder / "panoptic.png", SEGMENT_IDS)
    cv2.imwrite(str(folder / "picture.png"), np.full((3, 4, 3), (10, 20, 30), np.uint8))
    like = {
        "file_name": "picture.png",
        "pan_seg_file_name": "panoptic.png",
        "height": 3,
        "width": 4,
        "segments_info": [
            {"id": 70000, "category_id": 1, "iscrowd": 0},
            {"id": 7, "category_id": 2},
            {"id": 65536, "category_id": 0, "iscrowd": 1},
        ],
        "relations": [[0, 2, 1], [2, 1, 0], [1, 1, 1]],
        **entry,
    }
    content = {
        "thing_classes": ["cup", "dog"],
        "stuff_classes": ["sky"],
        "predicate_classes": ["beside", "on"],
        "test_image_ids": ["30"],
        "val_image_ids": [20],
        "data": [{"image_id": name, **like} for name in ("10", "20", "30")],
        **(changes or {}),
    }
    (folder / "psg.json").write_text(json.dumps(content))
    return folder


def first(folder: Path):
    return load_psg(folder, VOCABULARY, "train")[0]


def test_pixels_become_positions_in_the_list_of_segments(tmp_path):
    item = first(write_set(tmp_path))
    expected = [[-1, -1, 1, 1], [0, 0, 1, 2], [0, -1, -1, 2]]
    np.testing.assert_array_equal(item.segmentation.label_map, expected)
    assert item.segmentation.label_map.dtype == np.int32


def test_labels_and_predicates_are_joined_by_name(tmp_path):
    item = first(write_set(tmp_path))
    names = [VOCABULARY.label_names[i] for i in item.segmentation.labels]
    assert names == ["dog", "sky", "cup"]
    said = [(s, o, VOCABULARY.predicate_names[p]) for s, o, p in item.triplets]
    assert said == [(0, 2, "on"), (2, 1, "beside"), (1, 1, "on")]


def test_scores_crowds_name_and_picture_are_kept(tmp_path):
    item = first(write_set(tmp_path))
    assert item.segmentation.scores.tolist() == [1, 1, 1]
    assert item.is_crowd.tolist() == [False, False, True]
    assert (item.image_id, item.image_path) == ("10", tmp_path / "picture.png")
    assert read_rgb(item.image_path)[0, 0].tolist() == [30, 20, 10]


def test_an_image_may_be_without_segments_and_relations(tmp_path):
    item = first(write_set(tmp_path, segments_info=[], relations=[]))
    assert (item.segmentation.label_map == -1).all()
    assert item.segmentation.labels.dtype == np.int64
    assert item.triplets.shape == (0, 3)


def test_ids_are_found_whatever_order_they_are_listed_in(tmp_path):
    write_png(tmp_path / "p.png", np.array([[1, 2, 3, 4, 16777215]]))
    label_map = read_panoptic_png(tmp_path / "p.png", [3, 16777215, 1])
    assert label_map.tolist() == [[2, -1, 0, -1, 1]]


def test_each_image_is_in_one_split(tmp_path):
    write_set(tmp_path)
    ids = {
        s: [i.image_id for i in load_psg(tmp_path, VOCABULARY, s)] for s in ("train", "val", "test")
    }
    assert ids == {"train": ["10"], "val": ["20"], "test": ["30"]}


def test_without_val_ids_all_that_is_no_test_image_trains(tmp_path):
    write_set(tmp_path, {"val_image_ids": []})
    dataset = load_psg(tmp_path / "psg.json", VOCABULARY, "train")
    assert len(dataset) == 2
    assert [item.image_id for item in dataset[::-1]] == ["20", "10"]
    with pytest.raises(IndexError):
        dataset[2]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"height": 5}, r"panoptic\.png is \(3, 4\), the JSON says \(5, 4\)"),
        ({"segments_info": [{"id": 7, "category_id": 3}]}, r"category_id \[3\] outside 0 .. 2"),
        ({"segments_info": [{"id": 7, "category_id": -1}]}, r"category_id \[-1\] outside"),
        ({"segments_info": [{"category_id": 0}]}, "not in PSG's layout: KeyError\\('id'\\)"),
        ({"segments_info": None}, "not in PSG's layout: TypeError"),
        ({"relations": [[0, 1, 2]]}, r"predicate \[2\] outside 0 .. 1"),
        ({"relations": [[0, 3, 1]]}, r"triplet \[0, 3, 1\] .* must name two of 3 segments"),
        ({"relations": [[0, 1, 1, 0]] * 3}, r"must be \[subject, object, predicate\], not"),
        ({"relations": [7]}, "not in PSG's layout: TypeError"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused_in_a_line_that_names_the_image(tmp_path, entry, said):
    with pytest.raises(ValueError, match=said) as caught:
        first(write_set(tmp_path, **entry))
    assert "image 10" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["panoptic.png", "psg.json"])
def test_a_missing_file_is_named(tmp_path, missing):
    write_set(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / missing))):
        first(tmp_path)


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(FileNotFoundError, match=r"a\.jpg is missing or not a readable image"):
        read_rgb(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"thing_classes": ["elk"], "stuff_classes": ["fog"]}, r"unknown labels \['elk', 'fog'\]"),
        ({"predicate_classes": ["beside", "eats"]}, r"unknown predicates \['eats'\]"),
        ({"data": []}, "no images in its train split"),
        ({"data": [{"file_name": "picture.png"}]}, r"not in PSG's layout: KeyError\('image_id'\)"),
        ({"stuff_classes": None}, "not in PSG's layout: TypeError"),
    ],
)  # fmt: skip
def test_a_set_that_cannot_be_used_is_refused_when_it_is_opened(tmp_path, changes, said):
    write_set(tmp_path, changes)
    with pytest.raises(ValueError, match=said) as caught:
        load_psg(tmp_path, VOCABULARY, "train")
    assert str(tmp_path / "psg.json") in str(caught.value)


@pytest.mark.parametrize("content", [b"[1, 2]", b'{"data": [', b"\xff\xfe\x00", b'{"data": []}'])
def test_another_file_is_not_in_the_layout(tmp_path, content):
    (tmp_path / "psg.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"psg\.json is not in PSG's layout"):
        load_psg(tmp_path, VOCABULARY, "train")


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match="train, val, test, not 'dev'"):
        load_psg(tmp_path, VOCABULARY, "dev")


@pytest.mark.skipif(not (SHARED / "psg_sample").is_dir(), reason="no sample of PSG here")
def test_real_annotations_decode_to_the_areas_they_state(tmp_path):
    folder = SHARED / "psg_sample"
    entries = json.loads((folder / "annotation.json").read_text())["data"]
    names = json.loads((SHARED / "psg_classes.json").read_text())
    keys = {"thing": "thing_classes", "stuff": "stuff_classes", "predicates": "predicate_classes"}
    classes = {keys[kind]: names[kind] for kind in keys}
    for entry in entries:
        name = Path(entry["file_name"]).stem
        entry["file_name"] = str(folder / "images" / f"{name}.jpg")
        entry["pan_seg_file_name"] = str(folder / "panoptic" / f"{name}.png")
    (tmp_path / "psg.json").write_text(json.dumps({**classes, "data": entries}))
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    dataset = load_psg(tmp_path, vocabulary, "train")
    assert len(dataset) == 5
    for item, entry in zip(dataset, entries, strict=True):
        segmentation, infos = item.segmentation, entry["segments_info"]
        areas = np.bincount(
            segmentation.label_map[segmentation.label_map >= 0], minlength=len(infos)
        )
        assert areas.tolist() == [info["area"] for info in infos]
        assert segmentation.labels.tolist() == [info["category_id"] for info in infos]
        assert read_rgb(item.image_path).shape[:2] == segmentation.image_hw
