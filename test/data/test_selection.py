# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An annotation file for fewer classes, and with images held out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_psg import VOCABULARY, change_json, write_tiny_psg

from psg_ros.data.opening import open_dataset
from psg_ros.data.selection import select
from psg_ros.labels import Vocabulary

FEWER = Vocabulary(
    tuple(label for label in VOCABULARY.labels if label.name != "box"), VOCABULARY.predicates[:1]
)


@pytest.fixture
def source(tmp_path) -> Path:
    return write_tiny_psg(tmp_path / "set") / "psg.json"


def reopened(content: dict, source: Path, vocabulary: Vocabulary, split: str):
    path = source.parent.parent / "selected.json"
    path.write_text(json.dumps(content))
    folder = source.parent
    return open_dataset(path, vocabulary, split, images=folder, panoptic=folder)


def test_segments_of_other_classes_become_void(source):
    chosen = select(source, FEWER, [])
    before = open_dataset(source, VOCABULARY, "train")[0].segmentation
    after = reopened(chosen.content, source, FEWER, "train")[0].segmentation
    assert [FEWER.label_names[i] for i in after.labels] == ["ground", "ball"]
    names = [VOCABULARY.label_names[i] for i in before.labels]
    box = before.label_map == names.index("box")
    assert box.any() and (after.label_map[box] == -1).all()
    assert ((after.label_map == -1) == (box | (before.label_map == -1))).all()
    assert chosen.dropped == {"box": 6}


def test_relations_with_them_and_of_other_predicates_go_too(source):
    content = json.loads(source.read_text())
    content["data"][0]["relations"] = [[0, 1, 0], [0, 2, 0], [2, 0, 1]]
    source.write_text(json.dumps(content))
    after = reopened(select(source, FEWER, []).content, source, FEWER, "train")[0]
    assert after.triplets.tolist() == [[0, 1, 0]], "ground and ball, in their new places"


def test_doubtful_pairs_follow_their_segments(source):
    change_json(
        source, lambda content: content["data"][0].update(doubtful_pairs=[[0, 2], [0, 1], [1, 2]])
    )
    before = open_dataset(source, VOCABULARY, "train")[0]
    names = [VOCABULARY.label_names[i] for i in before.segmentation.labels]
    after = reopened(select(source, FEWER, []).content, source, FEWER, "train")[0]
    box = names.index("box")
    assert sum(box not in pair for pair in before.doubtful_pairs.tolist()) == 1
    assert after.doubtful_pairs.tolist() == [[0, 1]]


def test_a_vocabulary_with_more_classes_changes_nothing(source):
    before = open_dataset(source, VOCABULARY, "train")
    after = reopened(select(source, VOCABULARY, []).content, source, VOCABULARY, "train")
    assert before.fingerprint == after.fingerprint
    assert not select(source, VOCABULARY, []).dropped


def test_images_that_fit_a_pattern_are_the_test_split(source):
    chosen = select(source, VOCABULARY, ["1", "[34]"])
    splits = {
        split: reopened(chosen.content, source, VOCABULARY, split).image_ids
        for split in ("train", "test")
    }
    assert splits == {"train": ["0", "2", "5"], "test": ["1", "3", "4"]}
    assert chosen.num_held_out == 3


def test_without_patterns_the_splits_stay(source):
    chosen = select(source, VOCABULARY, [])
    assert reopened(chosen.content, source, VOCABULARY, "test").image_ids == ["5"]
    assert chosen.num_held_out == 1


def test_a_pattern_for_no_image_is_refused(source):
    with pytest.raises(ValueError, match=r"has no image 'nyu_\*'; its images are like \['0'\]"):
        select(source, VOCABULARY, ["1", "nyu_*"])


def test_an_unlabelled_image_stays_unlabelled(source):
    content = json.loads(source.read_text())
    del content["data"][1]["segments_info"]
    source.write_text(json.dumps(content))
    assert "segments_info" not in select(source, FEWER, []).content["data"][1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: e["segments_info"][0].update(category_id=-1), r"category_id \[-1\]"),
        (lambda e: e["segments_info"][0].update(category_id=99), r"category_id \[99\]"),
        (lambda e: e["segments_info"][0].pop("category_id"), "category_id"),
        (lambda e: e.update(relations=[[0, 1, -1]]), "predicate outside"),
        (lambda e: e.update(relations=[[0, 1]]), "must be"),
        (lambda e: e.update(annotations=[]), "0 annotations for 3"),
    ],
)
def test_a_broken_entry_is_named_and_not_copied(source, change, told):
    """A class or predicate -1 would become the last of its list."""
    change_json(source, lambda content: change(content["data"][3]))
    with pytest.raises(ValueError, match=rf"image 3: .*{told}.*psg dataset check"):
        select(source, FEWER, [])


def test_an_image_whose_relations_nobody_wrote_down_does_not_become_one_without_any(source):
    change_json(source, lambda content: content["data"][1].pop("relations"))
    assert "relations" not in select(source, FEWER, []).content["data"][1]
