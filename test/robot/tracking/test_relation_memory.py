# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations over time."""

from __future__ import annotations

import numpy as np
import pytest
from tracked_stream import SECOND_NS

from psg_ros.config import PipelineConfig
from psg_ros.robot.ops.triplets import pair_logits, rank_relations
from psg_ros.robot.tracking.relation_memory import Listed, Observed, RelationMemory
from psg_ros.scene_graph import RelationScores, RelationSource, RelationState

TENTATIVE, CONFIRMED, FADING = RelationState
PERIOD_NS = SECOND_NS // 10
THRESHOLD = 0.1
CUP, TABLE = 7, 3
"""Ids of two tracks."""
QUICK = {"track_relation_s": 0.0, "track_relation_confirm": 0.5, "track_relation_release": 0.4}
"""Scores as each image says; strong from 0.5 on, weak below 0.2."""


class Film:
    """Images of a cup and a table, one after the other."""

    def __init__(self, **settings) -> None:
        self.memory, self.settings = RelationMemory(), PipelineConfig(**settings)
        self.place, self.tentative, self.threshold = 0, (), THRESHOLD

    def show(self, *words: float, ids=(CUP, TABLE), coasting=(), new_stream=False, source=1):
        """Return what is listed after an image in which the first node is such to the second.

        Args:
            words: score of each predicate.
        """
        elapsed_ns = 0 if new_stream or not self.place else PERIOD_NS
        pairs = np.array([[0, 1]] if words else [], np.int32).reshape(-1, 2)
        said = np.array(words).reshape(len(pairs), len(words) or 1)
        scores = RelationScores(pairs, pair_logits(said))
        listed = rank_relations(scores, threshold=self.threshold) if words else []
        image = Observed(
            [*ids, *coasting],
            np.array([id_ not in self.tentative for id_ in (*ids, *coasting)]),
            np.arange(len(ids)),
            scores,
            [Listed(*triplet, RelationSource(source)) for triplet in listed],
            self.threshold,
            self.place * PERIOD_NS,
            elapsed_ns,
        )
        self.place += 1
        return self.memory.update(image, self.settings)

    def states(self, *scores: float):
        """Return the state after each image; None where the relation is not listed."""
        return [listed[0].state if (listed := self.show(s)) else None for s in scores]


def test_the_first_image_lists_what_it_would_alone():
    (relation,) = Film().show(0.8, 0.3)
    assert relation == Listed(0, 1, 0, pytest.approx(0.8), RelationSource.MODEL, TENTATIVE, None)


def test_a_relation_is_confirmed_after_it_was_strong_for_the_dwell():
    film = Film(**QUICK, track_relation_dwell_s=0.3)
    assert film.states(0.4, 0.6, 0.6, 0.6, 0.6) == [TENTATIVE] * 4 + [CONFIRMED]
    (relation,) = film.show(0.6)
    assert relation.since_ns == 4 * PERIOD_NS


def test_the_dwell_begins_again_after_a_weaker_image():
    film = Film(**QUICK, track_relation_dwell_s=0.2)
    assert film.states(0.6, 0.6, 0.4, 0.6, 0.6, 0.6) == [TENTATIVE] * 5 + [CONFIRMED]


@pytest.mark.parametrize("end", [CUP, TABLE])
def test_a_relation_is_confirmed_when_both_its_nodes_are(end):
    film = Film(**QUICK, track_relation_dwell_s=0.1)
    film.tentative = (end,)
    assert film.states(0.6, 0.6, 0.6) == [TENTATIVE] * 3
    film.tentative = ()
    assert film.states(0.6) == [CONFIRMED]
    film.tentative = (end,)  # whoever trusted it once goes on
    assert film.states(0.6) == [CONFIRMED]


def test_without_a_dwell_the_first_strong_image_confirms():
    (relation,) = Film(**QUICK, track_relation_dwell_s=0.0).show(0.6)
    assert (relation.state, relation.since_ns) == (CONFIRMED, 0)


def test_between_both_thresholds_a_relation_stays_what_it_is():
    film = Film(**QUICK, track_relation_dwell_s=0.1)
    assert film.states(*[0.3] * 9) == [TENTATIVE] * 9
    assert film.states(0.6, 0.6, *[0.3] * 9) == [TENTATIVE] + [CONFIRMED] * 10


def test_a_weak_relation_fades_before_it_goes():
    film = Film(**QUICK, track_relation_dwell_s=0.0, track_relation_fade_s=0.3)
    assert film.states(0.6, *[0.05] * 5) == [CONFIRMED] + [FADING] * 3 + [None] * 2


def test_a_few_images_without_it_do_not_end_a_relation_nor_renew_it():
    film = Film(**QUICK, track_relation_dwell_s=0.0, track_relation_fade_s=0.5)
    film.show(0.6)
    assert film.states(0.0, 0.05, 0.0, 0.3) == [FADING, FADING, FADING, CONFIRMED]
    (relation,) = film.show(0.6)
    assert relation.since_ns == 0


def test_a_pair_that_is_not_scored_any_more_counts_as_unrelated():
    film = Film(**QUICK, track_relation_dwell_s=0.0, track_relation_fade_s=0.1)
    film.show(0.6)
    assert [r.state for r in film.show()] == [FADING]
    assert film.show() == []


def test_scores_are_averaged_over_seconds():
    film = Film(track_relation_s=0.5)
    film.show(0.8)
    kept = np.exp(-0.1 / 0.5)
    (relation,) = film.show(0.2)
    assert relation.score == pytest.approx(0.8 * kept + 0.2 * (1 - kept), abs=1e-6)
    for _ in range(60):
        (relation,) = film.show(0.2)
    assert relation.score == pytest.approx(0.2, abs=1e-4)


def test_a_single_image_lists_nothing_between_nodes_that_were_unrelated_for_long():
    film = Film(track_relation_s=1.0)
    for _ in range(20):
        film.show(0.0)
    assert film.show(0.9) == []
    assert film.states(*[0.9] * 3)[-1] == TENTATIVE


def test_between_new_nodes_one_image_is_all_there_is():
    film = Film(track_relation_s=1.0)
    film.show(0.9, ids=(1, 2))
    (relation,) = film.show(0.9, ids=(CUP, TABLE))
    assert relation.score == pytest.approx(0.9)


def test_another_word_takes_over_without_a_gap():
    film = Film(**QUICK, track_relation_dwell_s=0.2, track_relation_fade_s=0.2)
    for _ in range(4):
        film.show(0.9, 0.1)
    listed = [[(r.predicate, r.state) for r in film.show(0.1, 0.9)] for _ in range(5)]
    assert listed[0] == [(0, FADING)] and listed[-1] == [(1, CONFIRMED)]
    assert all(any(state != TENTATIVE for _, state in one) for one in listed)


def test_two_words_that_are_about_as_likely_do_not_alternate():
    film = Film(track_relation_s=0.6)
    seen = [{r.predicate for r in film.show(*two)} for two in [(0.6, 0.5), (0.5, 0.6)] * 20]
    assert seen == [{0}] * 40


def test_while_an_end_is_hidden_its_relations_fade_without_end():
    film = Film(**QUICK, track_relation_dwell_s=0.0, track_relation_fade_s=0.1)
    film.show(0.6)
    for _ in range(20):
        (relation,) = film.show(ids=(TABLE,), coasting=(CUP,))
        assert relation[:3] == (1, 0, 0), "by the places of the nodes"
        assert (relation.state, relation.score) == (FADING, pytest.approx(0.6))
    assert film.states(0.6) == [CONFIRMED]


def test_a_node_that_was_not_looked_at_counts_as_hidden():
    film = Film(**QUICK, track_relation_dwell_s=0.0)
    film.show(0.6)
    film.place += 1
    unrelated = RelationScores(np.zeros((0, 2), np.int32), np.zeros((0, 2), np.float32))
    related = np.array([1])
    trusted = np.ones(2, bool)
    image = Observed([CUP, TABLE], trusted, related, unrelated, [], THRESHOLD, PERIOD_NS, PERIOD_NS)
    (relation,) = film.memory.update(image, film.settings)
    assert (relation.state, relation.score) == (FADING, pytest.approx(0.6))


def test_tentative_relations_of_a_hidden_node_stay_tentative():
    film = Film(**QUICK, track_relation_dwell_s=0.0)
    film.show(0.4)
    (relation,) = film.show(ids=(TABLE,), coasting=(CUP,))
    assert relation.state == TENTATIVE


def test_with_its_track_a_relation_ends():
    film = Film(**QUICK, track_relation_dwell_s=0.0)
    film.show(0.6)
    assert film.show(ids=(TABLE,)) == []
    (relation,) = film.show(0.4)
    assert relation.state == TENTATIVE


def test_a_new_stream_knows_nothing_of_the_last_one():
    film = Film(**QUICK, track_relation_dwell_s=0.2)
    assert film.states(*[0.6] * 3)[-1] == CONFIRMED
    (relation,) = film.show(0.6, new_stream=True)
    assert relation.state == TENTATIVE


def test_a_relation_keeps_the_source_that_listed_it_last():
    film = Film(**QUICK, track_relation_dwell_s=0.0)
    film.show(0.6, source=RelationSource.MODEL)
    assert film.show(0.6, source=RelationSource.FUSED)[0].source == RelationSource.FUSED
    assert film.show(0.0)[0].source == RelationSource.FUSED


def test_a_threshold_that_is_raised_holds_for_confirmed_relations_too():
    film = Film(**QUICK, track_relation_dwell_s=0.1, track_relation_fade_s=0.3)
    assert film.states(0.6, 0.6) == [TENTATIVE, CONFIRMED]
    film.threshold = 0.9
    assert film.states(*[0.6] * 5) == [None] * 5
    film.threshold = THRESHOLD
    assert film.states(0.6, 0.6) == [TENTATIVE, CONFIRMED]


def test_a_threshold_that_is_raised_ends_relations_of_hidden_nodes():
    film = Film(**QUICK, track_relation_dwell_s=0.0)
    film.show(0.6)
    film.threshold = 0.9
    assert film.show(ids=(TABLE,), coasting=(CUP,)) == []


def test_a_threshold_that_stays_leaves_confirmed_relations_time_to_fade():
    film = Film(**QUICK, track_relation_dwell_s=0.0, track_relation_fade_s=0.3)
    film.threshold = 0.3
    assert film.states(0.6, 0.25, 0.05) == [CONFIRMED, CONFIRMED, FADING]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_relations_are_in_order_and_each_is_listed_once(seed):
    rng = np.random.default_rng(seed)
    memory, stamp_ns, since = RelationMemory(), 0, {}
    settings = PipelineConfig(track_relation_dwell_s=0.2, track_relation_fade_s=0.3)
    for place in range(150):
        ids = (1 + rng.permutation(6)[: rng.integers(1, 7)]).tolist()
        num_seen = int(rng.integers(1, len(ids) + 1))
        pairs = np.argwhere(~np.eye(num_seen, dtype=bool)).astype(np.int32)
        pairs = pairs[rng.random(len(pairs)) < 0.8]
        scores = RelationScores(pairs, rng.normal(0, 2, (len(pairs), 5)).astype(np.float32))
        listed = [
            Listed(*triplet, RelationSource.MODEL)
            for triplet in rank_relations(scores, threshold=THRESHOLD)
        ]
        elapsed_ns = int(rng.integers(1, SECOND_NS // 4)) if place else 0
        stamp_ns += elapsed_ns
        trusted = rng.random(len(ids)) < 0.8
        image = Observed(
            ids, trusted, np.arange(num_seen), scores, listed, THRESHOLD, stamp_ns, elapsed_ns
        )
        found = memory.update(image, settings)
        keys = [(ids[r.subject], r.predicate, ids[r.object]) for r in found]
        assert len(set(keys)) == len(keys)
        assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
        for key, relation in zip(keys, found, strict=True):
            assert 0 <= relation.score <= 1 and relation.subject != relation.object
            if relation.state == TENTATIVE:
                assert relation.since_ns is None and relation.score >= THRESHOLD
                since.pop(key, None)
            else:
                assert relation.since_ns <= stamp_ns
                # It is the same for as long as the relation holds.
                assert since.setdefault(key, relation.since_ns) == relation.since_ns
            hidden = max(relation.subject, relation.object) >= num_seen
            assert not (hidden and relation.state == CONFIRMED)
        since = {key: since[key] for key in keys if key in since}
