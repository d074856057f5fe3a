# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The COCO panoptic layout: written in a test, and two real photos where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_psg import COLORS, change_json, write_tiny_coco

from psg_ros.data.coco import split_of_name
from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary, load_vocabulary
from psg_ros.resources import share_path

SHARED = Path(__file__).parents[3] / "shared" / "data"
VOCABULARY = Vocabulary(
    (
        ObjectLabel("cup", True, (1, 1, 1)),
        ObjectLabel("ball", True, (2, 2, 2)),
        ObjectLabel("box", True, (3, 3, 3)),
        ObjectLabel("ground", False, (4, 4, 4)),
    ),
    (Predicate("on"),),
)


def test_categories_are_joined_by_name_whatever_their_ids(tmp_path):
    for item in open_dataset(write_tiny_coco(tmp_path), VOCABULARY, "val"):
        names = [VOCABULARY.label_names[label] for label in item.segmentation.labels]
        assert names == list(COLORS)
        picture = read_picture(item)
        for segment, name in enumerate(names):
            pixels = picture[item.segmentation.label_map == segment]
            assert len(pixels) and (pixels == COLORS[name]).all()


def test_there_are_no_triplets_but_crowds(tmp_path):
    item = open_dataset(write_tiny_coco(tmp_path), VOCABULARY, "val")[0]
    assert item.triplets.shape == (0, 3) and item.triplets.dtype == np.int64
    assert item.is_crowd.tolist() == [False, False, True]
    assert item.image_id == "0"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("panoptic_val2017", "val"),
        ("panoptic_train2017", "train"),
        ("my_val", "val"),
        ("panoptic_examples", "all"),
        ("training_rooms", "all"),
    ],
)
def test_a_name_may_tell_the_split(name, split):
    assert split_of_name(Path(f"{name}.json")) == split


def test_the_file_of_another_split_is_refused(tmp_path):
    path = write_tiny_coco(tmp_path)
    assert len(open_dataset(path, VOCABULARY, "val")) == 3
    with pytest.raises(ValueError, match="has only the split val, not train"):
        open_dataset(path, VOCABULARY, "train")


def test_a_file_without_a_split_in_its_name_is_what_it_is_opened_as(tmp_path):
    path = write_tiny_coco(tmp_path, "panoptic_rooms")
    assert len(open_dataset(path, VOCABULARY, "train")) == 3
    assert len(open_dataset(path, VOCABULARY, "test")) == 3


def without_first_image(content: dict[str, Any]) -> None:
    del content["images"][0]


def of_unknown_category(content: dict[str, Any]) -> None:
    content["annotations"][0]["segments_info"][0]["category_id"] = 12


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_first_image, "image 0: the entry is not in .* layout: KeyError"),
        (of_unknown_category, r"image 0: category_id \[12\] is not one of the file's 3 classes"),
        (lambda c: c["annotations"].pop(), "lists 3 images in its val split.* labels for 2"),
        (lambda c: c["categories"][0].update(name="grund"), "is it 'grund' for 'ground'"),
        (lambda c: c["categories"][1].update(id=7), "category id 7 is both 'box' and 'ground'"),
        (lambda c: c["categories"][0].pop("isthing"), "not in COCO's panoptic layout: KeyError"),
        (lambda c: c.update(annotations=[]), r"no images in its val split \(3 without labels\)"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_when_it_is_opened(tmp_path, change, said):
    path = write_tiny_coco(tmp_path)
    change_json(path, change)
    with pytest.raises(ValueError, match=said):
        open_dataset(path, VOCABULARY, "val")


@pytest.mark.skipif(not (SHARED / "coco_panoptic").is_dir(), reason="no sample of COCO here")
def test_real_annotations_decode_to_the_areas_they_state():
    path = SHARED / "coco_panoptic" / "panoptic_examples.json"
    content = json.loads(path.read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    dataset = open_dataset(path, vocabulary, "val")
    assert len(dataset) == 2
    for item, annotation in zip(dataset, content["annotations"], strict=True):
        infos, segmentation = annotation["segments_info"], item.segmentation
        covered = segmentation.label_map[segmentation.label_map >= 0]
        assert np.bincount(covered).tolist() == [info["area"] for info in infos]
        assert [vocabulary.label_names[label] for label in segmentation.labels] == [
            names[info["category_id"]] for info in infos
        ]
        assert item.is_crowd.tolist() == [bool(info["iscrowd"]) for info in infos]
        assert read_picture(item).shape[:2] == segmentation.image_hw
