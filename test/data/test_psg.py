# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The PSG layout, read from a folder made by hand and from real annotations where there are any."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from real_data import write_psg_sample
from tiny_psg import change_json

from psg_ros.data.annotation_file import unknown_names
from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary, load_vocabulary
from psg_ros.pictures.picture_file import read_image
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
    return open_dataset(folder, VOCABULARY, "train")[0]


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
    assert read_image(item.image_path)[0, 0].tolist() == [30, 20, 10]


def test_trust_in_labels_that_a_model_made_is_kept(tmp_path):
    infos = [
        {"id": 300, "category_id": 1, "score": 0.25},
        {"id": 7, "category_id": 2},
    ]
    item = first(write_set(tmp_path, segments_info=infos, relations=[]))
    assert item.segmentation.scores.tolist() == [0.25, 1]


@pytest.mark.parametrize("score", [1.5, -0.1, "high", None])
def test_trust_outside_0_to_1_is_refused(tmp_path, score):
    infos = [{"id": 300, "category_id": 1, "score": score}]
    with pytest.raises(ValueError, match=r"score must be a number in 0 .. 1"):
        first(write_set(tmp_path, segments_info=infos, relations=[]))


def test_an_image_may_be_without_segments_and_relations(tmp_path):
    item = first(write_set(tmp_path, segments_info=[], relations=[]))
    assert (item.segmentation.label_map == -1).all()
    assert item.segmentation.labels.dtype == np.int64
    assert item.triplets.shape == (0, 3)


def test_each_image_is_in_one_split(tmp_path):
    write_set(tmp_path)
    ids = {
        s: [i.image_id for i in open_dataset(tmp_path, VOCABULARY, s)]
        for s in ("train", "val", "test")
    }
    assert ids == {"train": ["10"], "val": ["20"], "test": ["30"]}


def test_without_val_ids_all_that_is_no_test_image_trains(tmp_path):
    write_set(tmp_path, {"val_image_ids": []})
    dataset = open_dataset(tmp_path / "psg.json", VOCABULARY, "train")
    assert len(dataset) == 2
    assert [item.image_id for item in dataset[::-1]] == ["20", "10"]
    with pytest.raises(IndexError):
        dataset[2]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"segments_info": [{"id": 7, "category_id": 3}]}, r"\[3\] is not one of the file's 3"),
        ({"segments_info": [{"id": 7, "category_id": -1}]}, r"category_id \[-1\] is not one"),
        ({"segments_info": [{"category_id": 0}]}, "data set's layout: KeyError\\('id'\\)"),
        ({"segments_info": None}, "not in the data set's layout: TypeError"),
        ({"segments_info": [{"id": 7.5, "category_id": 0}]}, "layout: TypeError"),
        ({"segments_info": [{"id": 0, "category_id": 0}]}, r"ids \[0\] outside 1 .. 16777215"),
        ({"segments_info": [{"id": 1 << 24, "category_id": 0}]}, r"ids \[16777216\] outside"),
        ({"segments_info": [{"id": 7, "category_id": 0}] * 2}, r"segment ids \[7\] appear twice"),
        ({"segments_info": [{"id": 7, "category_id": 0, "iscrowd": "0"}]}, "layout: TypeError"),
        ({"height": "3"}, "layout: TypeError"),
        ({"height": 0}, "height and width must be 1 or more, not 0 and 4"),
        ({"relations": [[0, 1, 2]]}, r"relation \[0, 1, 2\]: predicate outside 0 .. 1"),
        ({"relations": [[0, 1, -1]]}, r"relation \[0, 1, -1\]: predicate outside 0 .. 1"),
        ({"relations": [[0, 3, 1]]}, r"relation \[0, 3, 1\] must name two of 3 segments"),
        ({"relations": [[-1, 0, 1]]}, r"relation \[-1, 0, 1\] must name two of 3 segments"),
        ({"relations": [[0, 1, 1, 0]] * 3}, r"must be \[subject, object, predicate\], not"),
        ({"relations": [7]}, "layout: TypeError"),
        ({"relations": [[0, 1, 0.5]]}, "layout: TypeError"),
        ({"annotations": [{}]}, "1 annotations for 3 segments_info"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused_in_a_line_that_names_the_image(tmp_path, entry, said):
    with pytest.raises(ValueError, match=said) as caught:
        first(write_set(tmp_path, **entry))
    assert str(caught.value).startswith("image 10: ") and "\n" not in str(caught.value)
    assert "psg dataset check" in str(caught.value)


def test_a_refusal_says_how_many_more_there_are(tmp_path):
    write_set(tmp_path, {"test_image_ids": [], "val_image_ids": []}, relations=[[0, 9, 1]])
    with pytest.raises(ValueError, match="image 10: .* and 2 more broken entries"):
        open_dataset(tmp_path, VOCABULARY, "train")


@pytest.mark.parametrize(
    ("missing", "said"), [("panoptic.png", "{}/panoptic.png"), ("psg.json", "{} holds no psg.json")]
)
def test_a_missing_file_is_named(tmp_path, missing, said):
    write_set(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(said.format(tmp_path))):
        first(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"thing_classes": ["elk"], "stuff_classes": ["fog"]}, r"unknown labels \['elk', 'fog'\]"),
        ({"predicate_classes": ["beside", "eats"]}, r"unknown predicates \['eats'\]"),
        ({"stuff_classes": ["skyy"]}, r"unknown labels \['skyy'\] \(is it 'skyy' for 'sky'\?\)"),
        ({"data": []}, "no images in its train split"),
        ({"thing_classes": ["cup", 7]}, r"not in PSG's layout: .*must hold names, not \[7\]"),
        ({"data": [{"file_name": "picture.png"}]}, r"not in PSG's layout: KeyError\('image_id'\)"),
        ({"stuff_classes": None}, "stuff_classes must be a list, not None"),
        ({"thing_classes": "cup"}, "thing_classes must be a list, not 'cup'"),
        ({"test_image_ids": "12"}, "test_image_ids must be a list, not '12'"),
    ],
)  # fmt: skip
def test_a_set_that_cannot_be_used_is_refused_when_it_is_opened(tmp_path, changes, said):
    write_set(tmp_path, changes)
    with pytest.raises(ValueError, match=said) as caught:
        open_dataset(tmp_path, VOCABULARY, "train")
    assert str(tmp_path / "psg.json") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1, 2]", "holds a list, not a mapping"),
        (b'{"data": [', "is not JSON, or is incomplete"),
        (b"\xff\xfe\x00", "is not JSON, or is incomplete"),
        (b'{"data": []}', "is neither in PSG's layout"),
        (b'{"data": [], "predicate_classes": []}', "is not in PSG's layout: KeyError"),
    ],
)
def test_another_file_is_not_in_the_layout(tmp_path, content, said):
    (tmp_path / "psg.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"psg\.json {said}"):
        open_dataset(tmp_path, VOCABULARY, "train")


def write_competition_files(folder: Path) -> None:
    """Write what the competition handed out: the test images 20 and 30 are in both files."""
    write_set(folder, {"test_image_ids": ["20", "30"], "val_image_ids": []})
    shutil.copy(folder / "psg.json", folder / "psg_train_val.json")
    shutil.copy(folder / "psg.json", folder / "psg_val_test.json")
    change_json(folder / "psg_train_val.json", lambda content: content["data"].pop(2))

    def hide_labels(content: dict[str, Any]) -> None:
        del content["data"][0]
        for key in ("relations", "segments_info"):
            del content["data"][1][key]

    change_json(folder / "psg_val_test.json", hide_labels)


@pytest.mark.parametrize("name", ["psg_train_val.json", "psg_val_test.json"])
def test_a_test_split_with_labels_for_some_is_refused_with_the_counts(tmp_path, name):
    write_competition_files(tmp_path)
    said = rf"{name} lists 2 images in its test split, but holds labels for 1: .*\(psg\.json"
    with pytest.raises(ValueError, match=said):
        open_dataset(tmp_path / name, VOCABULARY, "test")
    dataset = open_dataset(tmp_path / name, VOCABULARY, "test", partial=True)
    assert dataset.image_ids == ["20"]
    assert [item.image_id for item in dataset] == ["20"]


def test_the_training_images_of_the_competition_need_no_permission(tmp_path):
    write_competition_files(tmp_path)
    assert open_dataset(tmp_path / "psg_train_val.json", VOCABULARY, "train").image_ids == ["10"]
    with pytest.raises(ValueError, match="no images in its train split"):
        open_dataset(tmp_path / "psg_val_test.json", VOCABULARY, "train")


def test_the_complete_file_has_the_whole_test_split(tmp_path):
    write_competition_files(tmp_path)
    assert open_dataset(tmp_path, VOCABULARY, "test").image_ids == ["20", "30"]


def test_duplicates_and_self_relations_stay(tmp_path):
    item = first(write_set(tmp_path, relations=[[0, 1, 0], [0, 1, 0], [2, 2, 1]]))
    assert item.triplets[:, :2].tolist() == [[0, 1], [0, 1], [2, 2]]


def test_an_id_that_comes_twice_is_refused_where_images_are_judged(tmp_path):
    def repeat(content: dict[str, Any]) -> None:
        content["data"] += [content["data"][0], content["data"][2]]

    write_set(tmp_path)
    change_json(tmp_path / "psg.json", repeat)
    assert open_dataset(tmp_path, VOCABULARY, "train").image_ids == ["10", "10"]
    with pytest.raises(ValueError, match="image 30: its id came before in this split"):
        open_dataset(tmp_path, VOCABULARY, "test")


def test_a_name_without_its_suffix_is_told_the_full_one():
    known = ["sky-other-merged", "sea", "cup"]
    said = unknown_names("labels", ["sky", "cup"], known)
    assert said == "unknown labels ['sky'] (is it 'sky' for 'sky-other-merged'?)"
    assert unknown_names("labels", [*"abcdefghijklm"], known).startswith("unknown labels ['a', ")
    assert "'j'] and 3 more; 3 others are known" in unknown_names("x", [*"abcdefghijklm"], known)


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match="train, val, test, not 'dev'"):
        open_dataset(write_set(tmp_path), VOCABULARY, "dev")


@pytest.mark.skipif(not (SHARED / "psg_sample").is_dir(), reason="no sample of PSG here")
def test_real_annotations_decode_to_the_areas_they_state(tmp_path):
    path = write_psg_sample(SHARED, tmp_path)
    entries = json.loads(path.read_text())["data"]
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    folders = {name: SHARED / "psg_sample" / name for name in ("images", "panoptic")}
    dataset = open_dataset(path, vocabulary, "train", **folders)
    assert len(dataset) == 5
    for item, entry in zip(dataset, entries, strict=True):
        segmentation, infos = item.segmentation, entry["segments_info"]
        areas = np.bincount(
            segmentation.label_map[segmentation.label_map >= 0], minlength=len(infos)
        )
        assert areas.tolist() == [info["area"] for info in infos]
        assert segmentation.labels.tolist() == [info["category_id"] for info in infos]
        assert read_picture(item).shape[:2] == segmentation.image_hw
