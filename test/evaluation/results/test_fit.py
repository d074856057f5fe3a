# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Results are judged on the data that they were predicted on, or on any if they do not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_psg import VOCABULARY, change_json, write_tiny_psg

from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.results.fit import check_fit
from psg_ros.evaluation.results.format import RESULTS_FILE
from psg_ros.evaluation.results.reader import Results
from psg_ros.evaluation.results.writer import ResultsWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set whose images 0 to 4 train."""
    return write_tiny_psg(tmp_path / "set")


def train(folder: Path, **options: Any) -> PanopticDataset:
    return open_dataset(folder, VOCABULARY, "train", **options)


def results(folder: Path, ids: str, data: dict[str, Any] | None) -> Results:
    with ResultsWriter(folder, VOCABULARY, "SGDet", {}, data):
        pass
    content = json.loads((folder / RESULTS_FILE).read_text())
    content["images"] = [{"image_id": i} for i in ids]
    (folder / RESULTS_FILE).write_text(json.dumps(content))
    return Results(folder)


def test_nothing_is_said_where_all_fits(folder, tmp_path):
    assert (
        check_fit(results(tmp_path / "r", "01234", train(folder).fingerprint), train(folder)) == []
    )


def test_results_of_other_annotations_of_the_same_ids_are_refused(folder, tmp_path):
    mine = results(tmp_path / "r", "01234", train(folder).fingerprint)
    change_json(folder / "psg.json", lambda c: c["data"][3].update(relations=[[1, 2, 1]]))
    said = r"results.json is of other data \(5 images, annotations .*than .*psg.json, train \(5 ima"
    with pytest.raises(ValueError, match=said):
        check_fit(mine, train(folder))


def test_results_of_another_split_are_refused_though_ids_coincide(folder, tmp_path):
    mine = results(tmp_path / "r", "01234", train(folder).fingerprint)
    change_json(folder / "psg.json", lambda c: c["test_image_ids"].append("4"))
    with pytest.raises(ValueError, match="5 images.* than .*, test .2 images"):
        check_fit(mine, open_dataset(folder, VOCABULARY, "test"))


def test_results_that_do_not_say_what_they_are_of_are_accepted(folder, tmp_path):
    assert check_fit(results(tmp_path / "r", "01234", None), train(folder)) == []


def test_images_without_an_entry_are_counted_among_those_to_be_judged(folder, tmp_path):
    mine = results(tmp_path / "r", "0134", None)
    (said,) = check_fit(mine, train(folder))
    assert said.startswith("1 of 5 images have no prediction in ")
    assert check_fit(mine, train(folder), limit=2) == []


def test_results_without_an_entry_for_any_image_are_refused(folder, tmp_path):
    mine = results(tmp_path / "r", "4", None)
    with pytest.raises(ValueError, match="no prediction for any image of .*psg.json .train."):
        check_fit(mine, train(folder), limit=3)


def test_entries_of_no_image_are_told_with_the_first_ids(folder, tmp_path):
    (said,) = check_fit(results(tmp_path / "r", "01234dcab", None), train(folder))
    assert said.startswith("4 entries of ") and said.endswith("no such images: a, b, c ...")


def test_an_entry_of_a_broken_image_is_no_surprise(folder, tmp_path):
    (folder / "1.png").write_bytes(b"")
    assert check_fit(results(tmp_path / "r", "01234", None), train(folder, skip_broken=True)) == []
