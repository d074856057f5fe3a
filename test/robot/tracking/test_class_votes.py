# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The class of a track by vote."""

from __future__ import annotations

import math

import pytest

from psg_ros.robot.tracking.class_votes import ClassVotes


def vote(*labels, score=1.0, passed=0.1) -> ClassVotes:
    votes = ClassVotes()
    for label in labels:
        votes.add(label, score, passed)
    return votes


def test_a_flicker_changes_nothing_and_a_lasting_change_does():
    assert vote(1, 1, 1, 2, 1).label == 1
    assert vote(1, 1, 1, *[2] * 5).label == 2


def test_sure_images_count_more():
    votes = vote(1, 1, score=0.3)
    votes.add(2, 0.9, 0.0)
    assert votes.label == 2


def test_votes_fade():
    votes = vote(1, 1, 1, passed=0.0)
    votes.add(2, 1.0, 5.0)
    assert votes.label == 2


def test_the_score_is_a_mean_in_which_other_labels_count_as_nothing():
    votes = vote(1, 1, 2, 2, passed=0.0, score=0.8)
    assert votes.score(1) == votes.score(2) == pytest.approx(0.4)
    assert votes.score(7) == 0.0
    faded = vote(1, 1, score=0.8, passed=1.0)
    faded.add(2, 0.5, 1.0)
    kept = math.exp(-1) + math.exp(-2)
    assert faded.score(1) == pytest.approx(0.8 * kept / (1 + kept))


def test_shares_sum_to_one():
    votes = vote(1, 2, 2, 3)
    assert sum(votes.share(label) for label in (1, 2, 3)) == pytest.approx(1)
    assert votes.share(9) == 0


def test_a_vote_without_any_confidence_is_still_the_only_one():
    votes = vote(4, score=0.0)
    assert (votes.label, votes.share(4), votes.share(5)) == (4, 1.0, 0.0)
