# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an annotation file says twice must be the same, and its files lie in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_psg import VOCABULARY, change_json, write_tiny_coco, write_tiny_psg

from psg_ros.data.checking import DatasetReport, check_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Segments ground (2), box (0) and ball (1) in every image."""
    return write_tiny_psg(tmp_path / "set")


def check(path: Path) -> DatasetReport:
    return check_dataset(path, VOCABULARY, workers=0, vocabulary_name="tiny")


def edit(folder: Path, number: int, **changes: Any) -> None:
    change_json(folder / "psg.json", lambda content: content["data"][number].update(changes))


def infos(**of_first: Any) -> list[dict[str, Any]]:
    ground, box, ball = ({"id": i, "category_id": c} for i, c in ((5, 2), (300, 0), (70000, 1)))
    return [ground | of_first, box | {"isthing": 1}, ball]


def test_another_class_in_annotations_is_named(folder):
    boxes = [{"category_id": c, "bbox": [0, 0, 1, 1]} for c in (2, 1, 1)]
    edit(folder, 3, annotations=boxes)
    (problem,) = check(folder).problems
    assert problem.text == "train: segments with another category_id in annotations: 1"
    assert problem.places == ("image 3: segments_info[1] is 0, annotations[1] is 1",)


@pytest.mark.parametrize(("said", "is_wrong"), [(1, True), (True, True), (0, False), (None, False)])
def test_isthing_that_contradicts_the_class_is_named(folder, said, is_wrong):
    edit(folder, 0, segments_info=infos(isthing=said))
    found = check(folder).problems
    assert len(found) == is_wrong
    if is_wrong:
        assert found[0].text == "train: segments whose isthing contradicts their class: 1"
        assert found[0].places[0].startswith(f"image 0: segments_info[0] has isthing {said!r}")


@pytest.mark.parametrize("key", ["file_name", "pan_seg_file_name"])
@pytest.mark.parametrize("name", ["../0.png", "a/../../0.png", "/etc/passwd", ".."])
def test_file_names_that_leave_the_folder_are_named(folder, key, name):
    edit(folder, 0, **{key: name})
    places = [place for problem in check(folder).problems for place in problem.places]
    assert f"image 0: {key} {name!r}" in places


def test_links_and_folders_inside_are_ordinary(folder, tmp_path):
    (folder / "0.png").rename(tmp_path / "real.png")
    (folder / "inner..name").mkdir()
    (folder / "inner..name" / "0.png").symlink_to(tmp_path / "real.png")
    edit(folder, 0, file_name="./inner..name/0.png")
    assert not check(folder).problems


def test_the_layout_of_coco_is_looked_at_as_well(tmp_path):
    file = write_tiny_coco(tmp_path)

    def change(content):
        content["annotations"][0]["segments_info"][0]["isthing"] = 1
        content["images"][1]["file_name"] = "/1.png"

    change_json(file, change)
    texts = [problem.text for problem in check(file).problems]
    assert "val: segments whose isthing contradicts their class: 1" in texts
    assert "val: file names that leave the data set's folder: 1" in texts


@pytest.mark.parametrize("value", [None, 3, "a", [], {}, [None], ["a"], [{}, {}, {}], [[], [], []]])
@pytest.mark.parametrize("key", ["segments_info", "annotations", "file_name", "pan_seg_file_name"])
def test_anything_may_stand_in_an_entry(folder, key, value):
    edit(folder, 0, **{key: value})
    assert check(folder).splits["train"].statistics.images >= 4
