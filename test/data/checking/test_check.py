# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The check of a data set: every kind of damage is found, named and weighed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from picture_bytes import with_exif
from tiny_psg import (
    VOCABULARY,
    change_json,
    write_tiny_coco,
    write_tiny_psg,
)

from psg_ros.data.checking import DatasetReport, check_dataset, report_lines
from psg_ros.data.checking.names import compare_names
from psg_ros.labels import load_vocabulary
from psg_ros.resources import share_path

CASES = Path(__file__).parents[4] / "shared" / "cases"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clean set: 0 to 4 train, 5 is the test split."""
    return write_tiny_psg(tmp_path / "set")


def check(folder: Path, **options: Any) -> DatasetReport:
    return check_dataset(folder, VOCABULARY, workers=0, vocabulary_name="tiny", **options)


def edit(folder: Path, number: int, **changes: Any) -> None:
    change_json(folder / "psg.json", lambda content: content["data"][number].update(changes))


def problems(report: DatasetReport) -> list[str]:
    return [finding.text for finding in report.problems]


def warnings(report: DatasetReport) -> list[str]:
    return [finding.text for finding in report.warnings]


def test_a_clean_set_is_counted_and_usable(folder):
    report = check(folder)
    assert not report.problems and not report.warnings
    assert {name: split.statistics.images for name, split in report.splits.items()} == {
        "train": 5, "test": 1,
    }  # fmt: skip
    train = report.splits["train"].statistics
    assert (train.relations, train.segments, train.related_images) == (10, 15, 5)
    assert train.predicates == (5, 5)
    assert report_lines(report)[-1] == "usable"


def test_duplicates_self_relations_and_bare_images_are_counted_as_warnings(folder):
    edit(folder, 0, relations=[[1, 2, 0], [1, 2, 0], [1, 2, 0], [1, 2, 1], [2, 2, 1]])
    edit(folder, 1, relations=[])
    edit(folder, 2, relations=[], segments_info=[])
    report = check(folder)
    train = report.splits["train"].statistics
    assert (train.relations, train.distinct_relations, train.duplicate_relations) == (9, 7, 2)
    assert (train.self_relations, train.related_images, train.images) == (1, 3, 5)
    assert not report.problems
    assert warnings(report) == [
        "train: images with segments in the PNG that are not listed (void): 1",
        "train: 2 relations repeat another",
        "train: 1 relation joins a segment with itself",
        "train: 1 image has no segment",
        "train: 2 images have no relation",
    ]


def test_every_broken_entry_is_listed(folder):
    edit(folder, 0, relations=[[0, 7, 0]])
    edit(folder, 1, segments_info=[{"id": 5, "category_id": 9}])
    edit(folder, 5, height="tall")
    report = check(folder)
    assert problems(report) == ["train: 2 broken entries", "test: 1 broken entry"]
    assert [place[:8] for place in report.problems[0].places] == ["image 0:", "image 1:"]
    assert report.splits["train"].statistics.images == 3


def test_every_missing_or_broken_file_is_listed(folder):
    (folder / "0.png").unlink()
    (folder / "1_panoptic.png").write_bytes(b"")
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:-40])
    cv2.imwrite(str(folder / "3.png"), np.zeros((9, 9, 3), np.uint8))
    (folder / "4.png").unlink()
    (folder / "4_panoptic.png").unlink()
    report = check(folder)
    assert problems(report) == ["train: missing or broken files: 6"]
    kinds = ["does not exist", "is empty", "incomplete PNG", "is 9 x 9 px", "does not", "does not"]
    for place, kind in zip(report.problems[0].places, kinds, strict=True):
        assert kind in place


def test_a_png_that_disagrees_with_its_entry_is_a_warning_with_numbers(folder):
    infos = [{"id": 300, "category_id": 0}, {"id": 77, "category_id": 1}]
    edit(folder, 0, segments_info=infos, relations=[])
    report = check(folder, split="train")
    assert not report.problems
    assert warnings(report)[:2] == [
        "train: images that list segments without a pixel: 1",
        "train: images with segments in the PNG that are not listed (void): 1",
    ]
    assert report.warnings[0].places == ("image 0: 1",)
    assert report.warnings[1].places[0].startswith("image 0: 2 ids, ")


def test_a_photo_with_a_rotation_in_its_exif_tag_is_a_warning(folder):
    photo = cv2.imread(str(folder / "0.png"))
    (folder / "0.png").write_bytes(with_exif("PNG", 3, photo[..., ::-1]))
    report = check(folder)
    assert not report.problems
    (warning,) = [w for w in report.warnings if "EXIF" in w.text]
    assert warning.places == (
        "image 0: 0.png is to be turned upside down (EXIF 3): ignored, the mask must fit that",
    )


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
def test_the_case_of_a_data_set_with_a_turned_photo():
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    report = check_dataset(CASES / "data_set_turned", vocabulary)
    assert not report.problems and any("EXIF" in w.text for w in report.warnings)


def number_from_one(folder: Path, boxes: list[int]) -> None:
    """Give images one segment per class with ids 1, 2, 3 and state the areas of their PNGs."""

    def state(content: dict[str, Any]) -> None:
        for entry, box_px in zip(content["data"], boxes, strict=False):
            ids = np.full((entry["height"], entry["width"]), 3, np.uint8)
            ids[:9, :box_px], ids[9:18, :9] = 1, 2
            png = np.zeros((*ids.shape, 3), np.uint8)
            png[..., 2] = ids  # red is the lowest byte of an id
            cv2.imwrite(str(folder / entry["pan_seg_file_name"]), png)
            areas = np.bincount(ids.ravel())[1:].tolist()
            infos = [{"id": k + 1, "category_id": k, "area": areas[k]} for k in range(3)]
            entry.update(segments_info=infos, relations=[])

    change_json(folder / "psg.json", state)


def test_exchanged_pngs_of_equal_ids_are_a_problem_by_their_areas(folder):
    number_from_one(folder, [20, 30])
    assert not check(folder).problems
    first, second = folder / "0_panoptic.png", folder / "1_panoptic.png"
    first.rename(folder / "kept.png")
    second.rename(first)
    (folder / "kept.png").rename(second)
    report = check(folder)
    (problem,) = report.problems
    assert problem.text.startswith("train: images whose PNG seems to be another's")
    assert problem.text.endswith(": 2")
    # The box is 9 rows of 20 or 30 px; what it takes the ground loses; the ball stays.
    assert problem.places == (
        "image 0: 2 of 3; segment 1 has 270 px, not 180",
        "image 1: 2 of 3; segment 1 has 180 px, not 270",
    )


def test_a_few_other_areas_are_a_warning(folder):
    number_from_one(folder, [20])
    change_json(folder / "psg.json", lambda c: c["data"][0]["segments_info"][1].update(area=80.5))
    report = check(folder)
    assert not report.problems
    assert "train: images in which some segments have other areas than stated: 1" in warnings(
        report
    )
    (found,) = [f for f in report.warnings if "other areas" in f.text]
    assert found.places == ("image 0: 1 of 3; segment 2 has 81 px, not 80.5",)


def test_areas_that_are_not_stated_are_not_compared(folder):
    number_from_one(folder, [20])

    def forget(content: dict[str, Any]) -> None:
        infos = content["data"][0]["segments_info"]
        del infos[0]["area"]
        infos[1]["area"] = None

    change_json(folder / "psg.json", forget)
    assert not [
        text for text in problems(check(folder)) + warnings(check(folder)) if "area" in text
    ]


def test_splits_that_share_images_are_a_problem(folder):
    def share(content: dict[str, Any]) -> None:
        content["val_image_ids"] = ["5", "4"]
        content["data"].append({**content["data"][0], "image_id": "copy"})
        content["val_image_ids"].append("copy")

    change_json(folder / "psg.json", share)
    found = problems(check(folder))
    assert "train and val share 1 image (same file)" in found
    assert "val and test share 1 image (same id)" in found


def test_what_comes_twice_is_a_problem_only_where_images_are_judged(folder):
    def repeat(content: dict[str, Any]) -> None:
        first, last = content["data"][0], content["data"][-1]
        content["data"] += [first, last, {**content["data"][1], "image_id": "other name"}]

    change_json(folder / "psg.json", repeat)
    report = check(folder)
    assert problems(report) == ["test: 1 image id comes twice"]
    assert "train: 1 image id comes twice" in warnings(report)
    assert "train: 2 pictures have two entries" in warnings(report)


def test_a_split_of_which_labels_are_missing_is_a_problem(folder):
    change_json(folder / "psg.json", lambda c: c["test_image_ids"].append("elsewhere"))
    (found,) = problems(check(folder))
    assert found.startswith("test: 2 images are listed, the file holds labels for 1")
    assert not problems(check(folder, split="train"))


def test_unknown_names_are_a_problem_and_counted_all_the_same(folder):
    change_json(folder / "psg.json", lambda c: c.update(predicate_classes=["beside", "onn"]))
    report = check(folder)
    assert problems(report) == ["unknown predicates ['onn'] (is it 'onn' for 'on'?)"]
    assert report.splits["train"].statistics.predicates == (5, 5)


@pytest.mark.parametrize(
    ("names", "known", "verdict"),
    [
        (["a", "b"], ["a", "b"], "all 2 names, in the same order"),
        (["a", "c"], ["a", "b", "c"], "2 of 3 names, in the same order"),
        (
            ["b", "a"],
            ["a", "b"],
            "all 2 names, in another order, joined by name: "
            "'b' comes before 'a', in the vocabulary after it",
        ),
        (["a", "x"], ["a", "b"], "1 of 2 unknown"),
        (["a", "a"], ["a", "b"], "1 of 2 names, in the same order"),
    ],
)
def test_names_are_compared_in_their_order(names, known, verdict):
    comparison = compare_names("labels", names, known)
    assert comparison.verdict == verdict
    assert comparison.unknown == (("x",) if "x" in names else ())
    assert comparison.absent == tuple(sorted(set(known) - set(names)))


def test_a_name_that_comes_twice_is_a_warning():
    (finding,) = compare_names("labels", ["a", "a"], ["a"]).findings
    assert finding.text == "labels ['a'] appear twice in the file's list" and not finding.is_problem


def test_things_that_are_stuff_elsewhere_are_a_warning(folder):
    lists = {"thing_classes": ["box"], "stuff_classes": ["ball", "ground"]}
    change_json(folder / "psg.json", lambda content: content.update(lists))
    (said,) = warnings(check(folder))
    assert said.startswith("labels ['ball'] are things on one side, stuff on the other")


def test_coco_is_checked_too_and_needs_no_relations(tmp_path):
    report = check(write_tiny_coco(tmp_path))
    assert list(report.splits) == ["val"] and not report.problems and not report.warnings
    assert report.splits["val"].statistics.crowd_segments == 3
    assert "relations per predicate" not in "\n".join(report_lines(report))


@pytest.mark.parametrize(("fast", "decoded"), [(False, 119), (True, 60)])
def test_a_fast_check_decodes_some_and_looks_for_all(tmp_path, fast, decoded):
    folder = write_tiny_psg(tmp_path / "many", num_images=120, image_hw=(16, 24))
    (folder / "1.png").unlink()
    report = check(folder, split="train", fast=fast)
    assert report.splits["train"].num_decoded == decoded
    assert problems(report) == ["train: missing or broken files: 1"], "1 is not decoded if fast"


def test_other_processes_find_the_same(tmp_path):
    folder = write_tiny_psg(tmp_path / "many", num_images=102, image_hw=(16, 24))
    for name in ("7.png", "90_panoptic.png"):
        (folder / name).write_bytes(b"")
    alone = check_dataset(folder, VOCABULARY, workers=0)
    assert len(alone.problems[0].places) == 2
    assert check_dataset(folder, VOCABULARY, workers=2) == alone


def test_a_set_without_images_is_refused(folder):
    change_json(folder / "psg.json", lambda c: c.update(data=[], test_image_ids=[]))
    with pytest.raises(ValueError, match="has no images"):
        check(folder)


def test_the_report_is_a_page_that_reads_from_top_to_bottom(folder):
    edit(folder, 0, relations=[[1, 2, 0]] * 1500)
    for number in range(1, 5):
        (folder / f"{number}.png").unlink()
        (folder / f"{number}_panoptic.png").unlink()
    text = "\n".join(report_lines(check(folder)))
    rows = {line.split("  ")[0]: line.split() for line in text.splitlines() if line}
    assert rows["images"] == ["images", "5", "1", "6"]
    assert rows["beside"] == ["beside", "1,504", "1", "1,505"]
    assert "labels     tiny: all 3 names, in the same order" in text
    assert "train: missing or broken files: 8\n" in text and "and 3 more" in text
    assert text.endswith("not usable: 1 problem")
    assert "\x1b[" not in text
    assert "\x1b[31mnot usable" in "\n".join(report_lines(check(folder), color=True))


def test_the_report_can_be_written_as_json(folder):
    edit(folder, 0, relations=[[0, 9, 0]])
    content = json.loads(check(folder).to_json())
    assert content["usable"] is False
    assert content["splits"]["train"]["statistics"]["images"] == 4
    (finding,) = content["splits"]["train"]["findings"]
    assert finding["places"][0].startswith("image 0: relation [0, 9, 0]")
