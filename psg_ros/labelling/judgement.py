# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From what a teacher says to what is learned: doubtful segments void, names of one vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psg_ros.config import DoubtConfig
from psg_ros.data.annotation_file import unknown_names
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import VOID, SceneGraph, Segmentation
from psg_ros.setting_files import read_mapping


@dataclass(frozen=True)
class Relation:
    """A relation of two segments; `score` in 0..1, a probability where the model has one."""

    subject: int
    object: int
    predicate: int
    score: float


@dataclass(frozen=True)
class Lesson:
    """What is learned from one picture; indices are those of the wanted vocabulary.

    Attributes:
        segmentation: every segment has pixels; stuff of a class is one segment.
        relations: best first.
        num_doubtful: segments that became void for their score.
        unnamed: segments that became void because the vocabulary lacks their class, by class.
    """

    segmentation: Segmentation
    relations: tuple[Relation, ...]
    num_doubtful: int
    unnamed: Counter[str]


class Judge:
    """Turns a teacher's graphs into lessons.

    Args:
        wanted: vocabulary of the lessons.
        taught: vocabulary of the teacher.
        renamed: a name of the wanted vocabulary for some of the teacher's, empty for void; the
            others keep theirs.
        with_relations: otherwise relations are left out.

    Raises:
        ValueError: no name of the teacher is wanted, or `renamed` speaks of unknown ones.
    """

    def __init__(
        self,
        wanted: Vocabulary,
        taught: Vocabulary,
        doubt: DoubtConfig,
        renamed: Mapping[str, str] | None = None,
        *,
        with_relations: bool = False,
    ) -> None:
        self.wanted = wanted
        self._with_relations = with_relations
        renamed = renamed or {}
        _check_renamed(renamed, wanted, taught)
        labels = {name: index for index, name in enumerate(wanted.label_names)}
        predicates = {name: index for index, name in enumerate(wanted.predicate_names)}
        self._labels = np.array(
            [labels.get(renamed.get(name, name), -1) for name in taught.label_names], np.int64
        )
        if (self._labels < 0).all():
            raise ValueError(
                "the wanted vocabulary shares no name with the teacher's, which begins with "
                f"{list(taught.label_names[:5])}; --rename FILE says what they become"
            )
        self._predicates = [predicates.get(name, -1) for name in taught.predicate_names]
        self._taught_names = taught.label_names
        self._is_thing = np.array([label.is_thing for label in wanted.labels], bool)
        self._least = np.where(self._is_thing, doubt.thing_score, doubt.stuff_score)

    def __call__(self, graph: SceneGraph) -> Lesson:
        """Return what one picture teaches."""
        said = graph.segmentation
        new = self._labels[said.labels]
        is_named = new >= 0
        is_sure = np.zeros(len(new), bool)
        is_sure[is_named] = said.scores[is_named] >= self._least[new[is_named]]
        areas = np.bincount(said.label_map[said.label_map >= 0], minlength=len(new))
        places = self._places(new, is_sure & (areas > 0))
        unnamed = Counter(self._taught_names[label] for label in said.labels[~is_named].tolist())
        return Lesson(
            _rearranged(said, new, places, areas),
            self._related(graph, places) if self._with_relations else (),
            int((is_named & ~is_sure).sum()),
            unnamed,
        )

    def _places(self, labels: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Return the new place of every segment, int32; -1 for void. Stuff of a class shares it."""
        places = np.full(len(labels), VOID, np.int32)
        of_stuff: dict[int, int] = {}
        count = 0
        for index in np.flatnonzero(kept).tolist():
            label = int(labels[index])
            if not self._is_thing[label] and label in of_stuff:
                places[index] = of_stuff[label]
                continue
            places[index] = of_stuff[label] = count
            count += 1
        return places

    def _related(self, graph: SceneGraph, places: np.ndarray) -> tuple[Relation, ...]:
        """Return the relations whose ends and predicate are left, each once."""
        found: dict[tuple[int, int, int], Relation] = {}
        for relation in graph.relations:
            subject, target = (
                int(places[graph.nodes[end].segment]) for end in (relation.subject, relation.object)
            )
            predicate = self._predicates[relation.predicate]
            if min(subject, target, predicate) >= 0 and subject != target:
                key = (subject, target, predicate)
                found.setdefault(key, Relation(*key, relation.confidence))
        return tuple(found.values())


def read_renamed(path: Path) -> dict[str, str]:
    """Read a YAML mapping from names of a teacher to names of a vocabulary, or null for void.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a mapping.
    """
    values = read_mapping(path)
    odd = [
        item
        for item in values.items()
        if not (isinstance(item[0], str) and isinstance(item[1], str | None))
    ]
    if odd:
        raise ValueError(f"{path}: expected 'name: other name' or 'name: null', not {odd[0]}")
    return {name: new or "" for name, new in values.items()}


def _check_renamed(renamed: Mapping[str, str], wanted: Vocabulary, taught: Vocabulary) -> None:
    new = [name for name in renamed.values() if name]
    wrong = [
        unknown_names("names of the teacher", list(renamed), taught.label_names),
        unknown_names("labels", new, wanted.label_names),
    ]
    if any(wrong):
        raise ValueError(f"the renaming does not fit: {'; '.join(filter(None, wrong))}")


def _rearranged(
    said: Segmentation, labels: np.ndarray, places: np.ndarray, areas: np.ndarray
) -> Segmentation:
    """Return the segments that are left at their places; joined ones with their mean score."""
    count = int(places.max(initial=VOID)) + 1
    kept = np.flatnonzero(places >= 0)
    new_labels = np.zeros(count, np.int64)
    new_labels[places[kept]] = labels[kept]
    weights = np.bincount(places[kept], areas[kept], count)
    scores = np.bincount(places[kept], areas[kept] * said.scores[kept], count) / weights
    table = np.append(places, np.int32(VOID))  # the last is void's own, index -1
    return Segmentation(table[said.label_map], new_labels, scores.astype(np.float32))
