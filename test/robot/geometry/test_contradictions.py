# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What depth rules out of what a relation stage says, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.geometry.contradictions import Contradictions
from psg_ros.robot.geometry.evidence import gather_evidence
from psg_ros.robot.geometry.extents import Extents
from psg_ros.robot.ops.triplets import pair_logits
from psg_ros.scene_graph import RelationScores

WORDS = ("on", "sitting on", "over", "in front of", "beside", "holding")
VOCABULARY = Vocabulary(
    (ObjectLabel("thing", True, (0, 0, 0)),), tuple(Predicate(word) for word in WORDS)
)
NAN = float("nan")


def box(x=0.0, y=0.0, z=2.0, size=0.2):
    """Return the lower corner and the upper one: to the right, up, away."""
    middle = np.array([x, y, z])
    return middle - size / 2, middle + size / 2


def denied(subject, target):
    """Return the words that are ruled out between two boxes."""
    lower, upper = (np.stack([one[i] for one in (subject, target)]) for i in (0, 1))
    extents = Extents(lower, upper, (lower + upper)[:, 2] / 2)
    found = Contradictions(VOCABULARY)(extents)
    return {word for word, no in zip(WORDS, found[0, 1], strict=True) if no}


TABLE = box(size=0.6)


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (box(y=0.4), set()),  # on it
        (box(y=0.6), set()),  # a hand above it: too close to call
        (box(y=0.4, z=4.0), {"on", "sitting on", "in front of"}),  # far behind it
        (box(y=0.4, z=0.8), {"on", "sitting on"}),  # held before the camera
        (box(y=2.0), {"on", "sitting on"}),  # high above it
        (box(y=-1.5), {"on", "sitting on", "over"}),  # far below it
        (box(x=1.5), {"on", "sitting on"}),
        ((np.full(3, NAN), np.full(3, NAN)), set()),  # not measured
    ],
)
def test_only_what_is_beyond_doubt_is_ruled_out(subject, words):
    assert denied(subject, TABLE) == words


def test_what_is_far_away_needs_more_to_be_apart():
    near, far = box(y=0.75, z=2.0), box(y=0.75, z=8.0)
    assert "on" not in denied(far, box(z=8.0))
    assert denied(near, box(z=2.0)) == {"on", "sitting on"}


def test_what_is_ruled_out_is_not_listed_however_sure_the_stage_was():
    pairs = np.array([[0, 1], [1, 0]], np.int32)
    probability = np.full((2, len(WORDS)), 0.9)
    learned = RelationScores(pairs, pair_logits(probability))
    lower, upper = (np.stack([one[i] for one in (box(z=4.0), TABLE)]) for i in (0, 1))
    ruled_out = Contradictions(VOCABULARY)(Extents(lower, upper, np.array([4.0, 2.0])))
    clarity = np.zeros((2, 2, len(WORDS)))
    evidence = gather_evidence(learned, clarity, (0, 1), 0.5, 0.1, ruled_out)
    assert evidence.learned[0, 1, WORDS.index("on")] == 0
    assert evidence.learned[0, 1, WORDS.index("in front of")] == 0
    assert evidence.learned[1, 0, WORDS.index("in front of")] > 0.5
    assert evidence.learned[0, 1, WORDS.index("beside")] > 0.5


def test_words_that_a_vocabulary_lacks_are_left_out():
    other = Vocabulary((ObjectLabel("thing", True, (0, 0, 0)),), (Predicate("near"),))
    assert not Contradictions(other)(Extents(np.zeros((2, 3)), np.ones((2, 3)), np.ones(2))).any()
