# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels and pairs of interest, by the names that users write; what is unknown is named."""

import pytest

from psg_ros.config import PipelineConfig
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary, split_pair
from psg_ros.robot.interest import Interest

NAMES = ("person", "dining table", "cup", "wall-other-merged")
WORDS = Vocabulary(
    tuple(ObjectLabel(name, name != NAMES[3], (0, 0, 0)) for name in NAMES), (Predicate("on"),)
)


def interest(**options):
    return Interest.of(PipelineConfig(**options), WORDS)


def pairs_of(*texts):
    """Return the pairs of names that are wanted, in the order of the labels."""
    wanted = interest(pairs=texts).pairs
    assert (wanted == wanted.T).all()
    return [(NAMES[a], NAMES[b]) for a in range(4) for b in range(a, 4) if wanted[a, b]]


def test_by_default_everything_is_of_interest():
    assert interest().labels is None and interest().pairs is None


def test_labels_are_found_however_they_are_spelled():
    assert interest(classes=("Person", "dining_table", "wall")).labels.tolist() == [
        True, True, False, True,
    ]  # fmt: skip


def test_pairs_have_no_order_and_anything_is_every_label():
    assert pairs_of("cup - dining table") == [("dining table", "cup")]
    assert pairs_of("dining-table - cup") == [("dining table", "cup")]
    assert pairs_of("person - anything") == [("person", name) for name in NAMES]
    assert len(pairs_of("anything - anything")) == 10
    assert len(pairs_of("person - cup", "cup - wall-other-merged")) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": ("persn",)}, "classes: the model has no label 'persn' .did you mean 'person'"),
        ({"pairs": ("person - cupp",)}, "pairs: the model has no label 'cupp' .did you mean 'cup'"),
        ({"classes": ("xyzzy",)}, "it knows person, dining table, cup, wall-other-merged"),
    ],
)
def test_a_label_that_the_model_does_not_know_is_refused_with_the_nearest(options, words):
    with pytest.raises(ValueError, match=words):
        interest(**options)


@pytest.mark.parametrize("text", ["person", "person-cup", "a - b - c", " - cup", "", "person -"])
def test_what_is_no_pair_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match='as in "person - cup"'):
        split_pair(text)
    with pytest.raises(ValueError, match='as in "person - cup"'):
        PipelineConfig(pairs=(text,))
