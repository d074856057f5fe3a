# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several annotation files as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_psg import VOCABULARY, change_json, write_tiny_psg

from psg_ros.data.joining import join
from psg_ros.data.opening import open_dataset


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two sets whose image ids differ."""
    paths = [write_tiny_psg(tmp_path / name) / "psg.json" for name in ("one", "two")]

    def rename(content: dict) -> None:
        for entry in content["data"]:
            entry["image_id"] = f"two_{entry['image_id']}"
        content["test_image_ids"] = [f"two_{name}" for name in content["test_image_ids"]]

    change_json(paths[1], rename)
    return paths


def test_the_joined_file_has_the_images_of_both_with_their_pictures(
    files: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "joined.json"
    target.write_text(json.dumps(join(files, target)))
    for split, count in (("train", 10), ("test", 2)):
        images = open_dataset(target, VOCABULARY, split)
        assert len(images) == count
        assert all(image.image_path.is_file() for image in images)
        assert all(image.segmentation.num_segments == 3 for image in images)


def test_pictures_may_lie_in_a_given_folder(files: list[Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "labels" / "one.json"
    elsewhere.parent.mkdir()
    files[0].rename(elsewhere)
    target = tmp_path / "joined.json"
    content = join([elsewhere, files[1]], target, [tmp_path / "one", None])
    assert content["data"][0]["file_name"] == f"one/{Path(content['data'][0]['file_name']).name}"


def test_an_image_id_in_two_files_is_refused(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"image 0 is in .*one.* and in"):
        join([files[0], files[0]], tmp_path / "joined.json")


def test_other_classes_are_refused_with_the_cure(files: list[Path], tmp_path: Path) -> None:
    change_json(files[1], lambda content: content.update(predicate_classes=["over"]))
    with pytest.raises(ValueError, match=r"predicate_classes of .*two.*psg dataset select"):
        join(files, tmp_path / "joined.json")


def test_pictures_outside_the_folder_of_the_new_file_are_refused(
    files: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="outside its own folder; write it into a folder above"):
        join(files, tmp_path / "one" / "joined.json")


@pytest.mark.parametrize("is_given", [True, False], ids=["given", "searched"])
def test_pngs_may_lie_in_another_folder_than_pictures(
    files: list[Path], tmp_path: Path, *, is_given: bool
) -> None:
    """The authors' psg.json names pictures in COCO's folder, and PNGs in its `annotations`."""
    coco = tmp_path / "one" / "coco"
    (coco / "annotations").mkdir(parents=True)
    for entry in json.loads(files[0].read_text())["data"]:
        (tmp_path / "one" / entry["file_name"]).rename(coco / entry["file_name"])
        png = entry["pan_seg_file_name"]
        (tmp_path / "one" / png).rename(coco / "annotations" / png)
    target = tmp_path / "joined.json"
    target.write_text(json.dumps(join(files, target, [coco] if is_given else [])))
    images = open_dataset(target, VOCABULARY, "train")
    assert all(image.image_path.is_file() for image in images)
    assert sum(image.segmentation.num_segments for image in images) == 10 * 3


def test_an_entry_without_a_picture_is_named(files: list[Path], tmp_path: Path) -> None:
    change_json(files[1], lambda content: content["data"][2].pop("file_name"))
    with pytest.raises(ValueError, match=r"image two_2 has no file_name .*two.*psg dataset check"):
        join(files, tmp_path / "joined.json")
