# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a teacher's graph to a lesson: doubt, names, relations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psg_ros.config import DoubtConfig
from psg_ros.labelling.judgement import Judge, read_renamed
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import SceneGraph, SceneRelation, Segmentation


def vocabulary(things: list[str], stuff: list[str], predicates: list[str]) -> Vocabulary:
    labels = [ObjectLabel(n, True, (9, 9, 9)) for n in things]
    labels += [ObjectLabel(n, False, (9, 9, 9)) for n in stuff]
    return Vocabulary(tuple(labels), tuple(map(Predicate, predicates)))


TAUGHT = vocabulary(["cat", "dog"], ["grass", "lawn", "sky"], ["on", "near"])
CAT, DOG, GRASS, LAWN, SKY = range(5)


def graph(*segments: tuple[int, float], relations: tuple[tuple[int, int, int, float], ...] = ()):
    """Return a graph of one row; every segment (label, score) has two px, the last px is void."""
    label_map = np.repeat(np.arange(len(segments), dtype=np.int32), 2)[None]
    label_map = np.append(label_map, [[-1]], axis=1).astype(np.int32)
    labels = np.array([label for label, _ in segments], np.int64)
    said = Segmentation(label_map, labels, np.array([s for _, s in segments], np.float32))
    nodes = describe_nodes(said, measure_regions(label_map, len(segments)), TAUGHT)
    found = tuple(
        SceneRelation(a, b, p, TAUGHT.predicate_names[p], score) for a, b, p, score in relations
    )
    return SceneGraph(said, nodes, found)


def judge(wanted: Vocabulary = TAUGHT, **arguments) -> Judge:
    return Judge(wanted, TAUGHT, DoubtConfig(), **arguments)


def test_doubtful_segments_become_void() -> None:
    lesson = Judge(TAUGHT, TAUGHT, DoubtConfig(thing_score=0.6, stuff_score=0.3))(
        graph((CAT, 0.7), (DOG, 0.5), (GRASS, 0.4), (SKY, 0.2))
    )
    assert lesson.segmentation.labels.tolist() == [CAT, GRASS]
    assert lesson.segmentation.label_map.tolist() == [[0, 0, -1, -1, 1, 1, -1, -1, -1]]
    assert lesson.segmentation.scores == pytest.approx([0.7, 0.4])
    assert lesson.num_doubtful == 2 and not lesson.unnamed


def test_names_that_the_vocabulary_lacks_become_void_and_are_counted() -> None:
    lesson = judge(vocabulary(["dog"], ["sky"], []))(graph((CAT, 0.9), (DOG, 0.9), (SKY, 0.9)))
    assert lesson.segmentation.labels.tolist() == [0, 1]
    assert dict(lesson.unnamed) == {"cat": 1} and lesson.num_doubtful == 0


def test_renamed_stuff_becomes_one_segment_with_the_mean_score_and_things_stay_apart() -> None:
    wanted = vocabulary(["animal"], ["ground"], [])
    renamed = {"cat": "animal", "dog": "animal", "grass": "ground", "lawn": "ground"}
    said = graph((CAT, 0.9), (DOG, 0.8), (GRASS, 0.6), (LAWN, 0.8))
    learned = judge(wanted, renamed=renamed)(said).segmentation
    assert learned.labels.tolist() == [0, 0, 1]
    assert learned.label_map.tolist() == [[0, 0, 1, 1, 2, 2, 2, 2, -1]]
    assert learned.scores == pytest.approx([0.9, 0.8, 0.7])


def test_a_name_can_be_made_void() -> None:
    lesson = judge(renamed={"cat": ""})(graph((CAT, 0.9), (DOG, 0.9)))
    assert lesson.segmentation.labels.tolist() == [DOG]


def test_relations_follow_their_segments_and_each_comes_once() -> None:
    wanted = vocabulary(["dog"], ["ground"], ["near"])
    renamed = {"grass": "ground", "lawn": "ground"}
    said = graph(
        (CAT, 0.9), (DOG, 0.9), (GRASS, 0.9), (LAWN, 0.9),
        relations=((1, 2, 1, 0.9), (0, 1, 1, 0.8), (1, 3, 1, 0.7), (1, 2, 0, 0.6), (2, 3, 1, 0.5)),
    )  # fmt: skip
    relations = judge(wanted, renamed=renamed, with_relations=True)(said).relations
    assert [(r.subject, r.object, r.predicate, r.score) for r in relations] == [(0, 1, 0, 0.9)]
    assert judge(wanted, renamed=renamed)(said).relations == ()


def test_an_empty_graph_gives_an_empty_lesson() -> None:
    lesson = judge()(graph())
    assert lesson.segmentation.num_segments == 0


def test_vocabularies_without_a_common_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shares no name .*'cat'.* --rename"):
        judge(vocabulary(["chair"], [], []))


@pytest.mark.parametrize(
    ("renamed", "message"),
    [({"cta": "dog"}, "names of the teacher .'cta'"), ({"cat": "dgo"}, "labels .'dgo'")],
)
def test_renaming_of_unknown_names_is_refused(renamed: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge(renamed=renamed)


def test_a_renaming_is_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text("cat: animal\nsky: null\n")
    assert read_renamed(path) == {"cat": "animal", "sky": ""}
    path.write_text("cat: [animal]\n")
    with pytest.raises(ValueError, match="names.yaml: expected 'name: other name'"):
        read_renamed(path)
