# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pictures are remembered, and how they are drawn."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import ImageFigures
from psg_ros.evaluation.report.examples import (
    Example,
    Examples,
    file_name,
    graph_of_truth,
    side_by_side,
    write_worst,
)
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import SceneGraph, Segmentation

VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (255, 0, 0)), ObjectLabel("wall", False, (0, 0, 255))),
    (Predicate("on"),),
)


def segmentation(cup_columns: int) -> Segmentation:
    label_map = np.ones((20, 40), np.int32)
    label_map[:, :cup_columns] = 0
    return Segmentation(label_map, np.array([0, 1]), np.ones(2, np.float32))


def graph(cup_columns: int = 16) -> SceneGraph:
    found = segmentation(cup_columns)
    regions = measure_regions(found.label_map, 2)
    return SceneGraph(found, describe_nodes(found, regions, VOCABULARY), ())


def truth(image_id: str, folder: Path) -> AnnotatedImage:
    path = folder / "image.png"
    cv2.imwrite(str(path), np.full((20, 40, 3), 128, np.uint8))
    triplets = np.array([[0, 1, 0]])
    return AnnotatedImage(image_id, path, segmentation(20), triplets, np.zeros(2, bool))


@pytest.fixture
def examples(tmp_path: Path) -> Examples:
    remembered = Examples(2)
    figures = {"fair": (0.5, 0.4), "bad": (0.1, 0.2), "good": (0.9, 0.9), "poor": (0.6, 0.1)}
    for name, pair in figures.items():
        remembered.add(truth(name, tmp_path), graph(), ImageFigures(*pair))
    return remembered


def test_quality_and_recall_together_decide_and_only_so_many_are_kept(examples):
    assert [example.truth.image_id for example in examples.worst] == ["bad", "poor"]
    assert [example.truth.image_id for example in examples.best] == ["good", "fair"]


def test_equals_are_chosen_alike_whatever_their_order(tmp_path):
    def remembered(names: str) -> list[str]:
        kept = Examples(2)
        for name in names:
            kept.add(truth(name, tmp_path), graph(), ImageFigures(1.0, 1.0))
        return [example.truth.image_id for example in (*kept.worst, *kept.best)]

    assert remembered("abcd") == remembered("cadb") == remembered("dcba")


def test_truth_and_answer_lie_side_by_side(examples):
    picture, no_photo = side_by_side(examples.worst[0], VOCABULARY)
    assert no_photo == ""
    # 40 x 20 px, enlarged 16 times: names would cover all of it.
    assert picture.dtype == np.uint8 and picture.shape == (320, 2 * 640 + 6, 3)
    # Below the names.
    left, right = picture[300:, :640].astype(int), picture[300:, 646:].astype(int)
    # The model sees the cup end at column 16, the truth at 20.
    differs = np.abs(left - right).max(axis=(0, 2)) > 20
    assert not differs[: 15 * 16].any() and differs[17 * 16 : 19 * 16].all()
    assert examples.worst[0].caption == "bad: quality 0.10, recall 0.20"


def lose(path: Path) -> None:
    path.unlink()


def change_size(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((9, 9, 3), np.uint8))


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(lose, "does not exist"), (change_size, "is 9 x 9 px"), (empty, "is empty")],
)
def test_without_its_photo_an_example_is_drawn_on_plain_ground_and_says_so(
    examples, damage, reason
):
    with_photo = side_by_side(examples.worst[0], VOCABULARY).picture_rgb
    damage(examples.worst[0].truth.image_path)
    drawn = side_by_side(examples.worst[0], VOCABULARY)
    assert drawn.no_photo.startswith("image bad: ") and reason in drawn.no_photo
    # The photo of this test is as grey as the plain ground.
    np.testing.assert_array_equal(drawn.picture_rgb, with_photo)


def test_the_worst_are_written_into_a_new_folder(examples, tmp_path):
    folder = tmp_path / "new" / "worst"
    assert write_worst(folder, examples, VOCABULARY) == []
    assert sorted(path.name for path in folder.iterdir()) == [
        "1_bad_quality_0.10_recall_0.20.png",
        "2_poor_quality_0.60_recall_0.10.png",
    ]


def test_they_take_the_place_of_those_of_an_earlier_evaluation_and_of_nothing_else(
    examples, tmp_path
):
    own = {"1_notes.png", "2_quality_good.png"}
    earlier = {"1_other_quality_0.00_recall_0.00.png", "6_more_quality_0.70_recall_1.00.png"}
    (tmp_path / "worst").mkdir()
    for name in own | earlier:
        (tmp_path / "worst" / name).touch()
    write_worst(tmp_path / "worst", examples, VOCABULARY)
    assert {path.name for path in (tmp_path / "worst").iterdir()} == {
        "1_bad_quality_0.10_recall_0.20.png", "2_poor_quality_0.60_recall_0.10.png", *own,
    }  # fmt: skip


def test_an_image_id_may_be_as_long_as_it_likes(tmp_path):
    kept = Examples(1)
    kept.add(truth("long", tmp_path), graph(), ImageFigures(0.5, 0.5))
    (example,) = kept.worst
    example = replace(example, truth=replace(example.truth, image_id="long" * 99))
    assert len(file_name(1, example)) == 255
    assert file_name(1, example).endswith("_quality_0.50_recall_0.50.png")


def test_drawings_without_a_photo_are_counted(examples, tmp_path):
    examples.worst[0].truth.image_path.unlink()  # of all, in this test
    (said,) = write_worst(tmp_path / "worst", examples, VOCABULARY)
    assert said.startswith("2 of 2 drawings in ") and "the first: image bad: " in said
    assert len(list((tmp_path / "worst").iterdir())) == 2


def test_an_image_id_with_slashes_is_a_file_name(tmp_path):
    kept = Examples(1)
    kept.add(truth("val/7", tmp_path), graph(), ImageFigures(0.5, 1.0))
    assert file_name(1, kept.worst[0]) == "1_val_7_quality_0.50_recall_1.00.png"


def test_annotated_predicates_bear_their_rank_in_words_and_pictures(tmp_path):
    known = Example(truth("a", tmp_path), graph(), ImageFigures(0.5, 0.5, ranks=(2,)))
    lost = replace(known, figures=ImageFigures(0.5, 0.5, ranks=(0,)))
    assert known.true_triplets(VOCABULARY) == ["cup on #2 wall"]
    assert lost.true_triplets(VOCABULARY) == ["cup on #- wall"]
    (relation,) = graph_of_truth(known.truth, VOCABULARY, known.figures.ranks).relations
    assert (relation.predicate, relation.predicate_name) == (0, "on #2")
    (plain,) = graph_of_truth(known.truth, VOCABULARY).relations
    assert plain.predicate_name == "on"


def test_the_drawn_truth_shows_the_ranks(tmp_path, monkeypatch):
    drawn = []

    def remember(ground, graph, vocabulary):
        drawn.append([relation.predicate_name for relation in graph.relations])
        return ground

    monkeypatch.setattr("psg_ros.evaluation.report.examples.overlay", remember)
    side_by_side(Example(truth("a", tmp_path), graph(), ImageFigures(1, 1, ranks=(3,))), VOCABULARY)
    assert drawn == [["on #3"], []], "the model's own relations bear none"
