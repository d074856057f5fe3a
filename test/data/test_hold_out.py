# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A data set without some names: what is gone, what is numbered anew, what stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_psg import VOCABULARY, write_tiny_psg

from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.hold_out import base_of, without_names
from psg_ros.data.opening import open_dataset
from psg_ros.scene_graph import VOID

BOX, BALL, GROUND = VOCABULARY.label_index(["box", "ball", "ground"])
BESIDE, ON = VOCABULARY.predicate_index(["beside", "on"])


@pytest.fixture
def dataset(tmp_path: Path) -> PanopticDataset:
    """Images of ground, box and ball: (box, ball, beside), (box, ground, on)."""
    folder = write_tiny_psg(tmp_path / "data", num_images=4)
    file = folder / "psg.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    for entry in content["data"]:
        entry["doubtful_pairs"] = [[0, 1], [1, 2]]
    file.write_text(json.dumps(content), encoding="utf-8")
    return open_dataset(folder, VOCABULARY, "train")


def named(dataset: PanopticDataset, index: int) -> set[tuple[str, str, str]]:
    """The triplets of an image in words."""
    item = dataset[index]
    names = [VOCABULARY.label_names[label] for label in item.segmentation.labels]
    return {
        (names[subject], VOCABULARY.predicate_names[predicate], names[target])
        for subject, target, predicate in item.triplets.tolist()
    }


def test_without_names_to_leave_out_nothing_changes(dataset: PanopticDataset) -> None:
    assert without_names(dataset, (), ()) is dataset
    assert named(dataset, 0) == {("box", "beside", "ball"), ("box", "on", "ground")}


def test_segments_of_a_label_become_void_and_the_others_stay_as_they_are(
    dataset: PanopticDataset,
) -> None:
    left = without_names(dataset, [BALL], ())
    for was, now in zip(dataset, left, strict=True):
        balls = np.flatnonzero(was.segmentation.labels == BALL)
        gone = np.isin(was.segmentation.label_map, balls)
        assert gone.any() and (now.segmentation.label_map[gone] == VOID).all()
        true, found = (
            np.append(item.segmentation.labels, -1)[item.segmentation.label_map]
            for item in (was, now)
        )
        assert np.array_equal(true[~gone], found[~gone])
        assert BALL not in now.segmentation.labels


def test_relations_that_touch_such_a_segment_are_gone(dataset: PanopticDataset) -> None:
    left = without_names(dataset, [BALL], ())
    assert named(left, 0) == {("box", "on", "ground")}
    assert [len(record.doubtful_pairs) for record in left.records] == [1] * len(left)


def test_relations_of_a_predicate_are_gone_and_their_segments_stay(
    dataset: PanopticDataset,
) -> None:
    left = without_names(dataset, (), [ON])
    assert named(left, 0) == {("box", "beside", "ball")}
    assert len(left[0].segmentation.labels) == 3
    assert left.held_out_labels == ()


def test_removing_novel_names_leaves_none_behind(dataset: PanopticDataset) -> None:
    left = without_names(without_names(dataset, [BALL], [BESIDE]), [GROUND], [ON])
    assert left.held_out_labels == tuple(sorted((BALL, GROUND)))
    for item in left:
        assert set(item.segmentation.labels.tolist()) == {BOX}
        assert len(item.triplets) == len(item.doubtful_pairs) == 0


def test_images_of_nothing_else_are_left_out(dataset: PanopticDataset) -> None:
    with pytest.raises(ValueError, match="all segments of its train split are of labels"):
        without_names(dataset, [BOX, BALL, GROUND], ())


def test_what_is_left_is_numbered_anew_for_networks_that_are_given_their_words(
    dataset: PanopticDataset,
) -> None:
    left, base = base_of(dataset, VOCABULARY, [BOX], [BESIDE])
    assert base.label_names == ("ball", "ground") and base.predicate_names == ("on",)
    assert named(left, 0) == set(), "both relations touch the box"
    assert {base.label_names[i] for i in left[0].segmentation.labels} == {"ball", "ground"}
    left, base = base_of(dataset, VOCABULARY, [BALL], [BESIDE])
    (triplet,) = left[0].triplets.tolist()
    labels = left[0].segmentation.labels
    assert [base.label_names[labels[end]] for end in triplet[:2]] == ["box", "ground"]
    assert base.predicate_names[triplet[2]] == "on"
