# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One door for all layouts: what is recognised, where files are searched, what is said."""

from __future__ import annotations

import re
import shutil

import pytest
from tiny_psg import VOCABULARY, write_tiny_coco, write_tiny_psg

from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import find_annotation_file, open_dataset, read_annotations


def test_a_folder_with_psg_json_is_psg(tmp_path):
    dataset = open_dataset(write_tiny_psg(tmp_path / "set"), VOCABULARY, "train")
    assert (dataset.root, dataset.layout) == (tmp_path / "set", "PSG")
    assert (dataset.split, len(dataset)) == ("train", 5)


@pytest.mark.parametrize("inner", ["", "annotations"])
def test_the_folder_of_coco_is_coco(tmp_path, inner):
    write_tiny_coco(tmp_path)
    dataset = open_dataset(tmp_path / inner, VOCABULARY, "val")
    assert dataset.layout == "COCO panoptic" and len(dataset) == 3
    assert dataset.image_folder == tmp_path / "val2017"
    assert dataset.panoptic_folder == tmp_path / "annotations" / "panoptic_val2017"
    assert [read_picture(item).shape for item in dataset] == [(48, 72, 3)] * 3


def test_the_split_chooses_among_the_files_of_coco(tmp_path):
    write_tiny_coco(tmp_path, "panoptic_val2017")
    write_tiny_coco(tmp_path / "more", "panoptic_train2017", num_images=4)
    shutil.move(tmp_path / "more" / "annotations" / "panoptic_train2017.json",
                tmp_path / "annotations")  # fmt: skip
    (tmp_path / "annotations" / "panoptic_coco_categories.json").write_text("[]")
    assert len(open_dataset(tmp_path, VOCABULARY, "val")) == 3
    assert len(open_dataset(tmp_path, VOCABULARY, "train")) == 4
    with pytest.raises(ValueError, match="several annotation files, specify one: annot"):
        find_annotation_file(tmp_path)


def test_psg_finds_the_pictures_of_coco_beside_it(tmp_path):
    folder = write_tiny_psg(tmp_path / "coco")
    (tmp_path / "psg").mkdir()
    shutil.move(folder / "psg.json", tmp_path / "psg")
    dataset = open_dataset(tmp_path / "psg", VOCABULARY, "train")
    assert (dataset.image_folder, dataset.panoptic_folder) == (folder, folder)
    assert read_picture(dataset[0]).shape == (48, 72, 3)


def test_a_missing_first_picture_does_not_mislead_the_search(tmp_path):
    folder = write_tiny_psg(tmp_path / "coco")
    (tmp_path / "psg").mkdir()
    shutil.move(folder / "psg.json", tmp_path / "psg")
    (folder / "0.png").unlink()
    assert open_dataset(tmp_path / "psg", VOCABULARY, "train").image_folder == folder


def test_folders_of_pictures_and_pngs_can_be_named(tmp_path):
    folder = write_tiny_psg(tmp_path / "set")
    for name in ("far", "away"):
        (tmp_path / name).mkdir()
    for path in folder.glob("*.png"):
        shutil.move(path, tmp_path / ("away" if "panoptic" in path.name else "far"))
    folders = {"images": tmp_path / "far", "panoptic": tmp_path / "away"}
    item = open_dataset(folder, VOCABULARY, "train", **folders)[0]
    assert item.image_path == tmp_path / "far" / "0.png"
    assert read_picture(item).shape == (48, 72, 3)


def test_a_named_folder_must_be_there(tmp_path):
    folder = write_tiny_psg(tmp_path / "set")
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        open_dataset(folder, VOCABULARY, "train", images=tmp_path / "nowhere")


def test_a_folder_without_annotations_is_refused_with_what_is_there(tmp_path):
    (tmp_path / "annotation.json").write_text("{}")
    said = r"holds no psg\.json or COCO's panoptic_val2017\.json, but annotation\.json"
    with pytest.raises(FileNotFoundError, match=said):
        open_dataset(tmp_path, VOCABULARY, "val")


def test_a_path_to_nothing_is_refused(tmp_path):
    path = tmp_path / "none.json"
    with pytest.raises(FileNotFoundError, match=re.escape(f"{path} does not exist")):
        open_dataset(path, VOCABULARY, "val")


def test_an_unknown_layout_is_refused_with_its_keys(tmp_path):
    (tmp_path / "a.json").write_text('{"data": [], "boxes": []}')
    with pytest.raises(ValueError, match=r"neither in PSG's layout .* keys are: data, boxes"):
        read_annotations(tmp_path / "a.json")
