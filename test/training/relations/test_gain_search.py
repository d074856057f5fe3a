# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The end of stage 2: the head notes what it has seen, and the gain of what it has not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tiny_relations import NUM_PREDICATES, made_up  # noqa: E402

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary  # noqa: E402
from psg_ros.network.config import ModelConfig  # noqa: E402
from psg_ros.network.dsflash import RelationStage  # noqa: E402
from psg_ros.network.word_scores import GAINS, word_scores  # noqa: E402
from psg_ros.setting_files import config_from_dict  # noqa: E402
from psg_ros.training.config import RelationTraining  # noqa: E402
from psg_ros.training.relations import gain_search, word_heads  # noqa: E402
from psg_ros.training.relations.gain_search import set_gain  # noqa: E402
from psg_ros.training.relations.relation_losses import RelationLosses  # noqa: E402
from psg_ros.training.relations.relation_sources import KeptSamples  # noqa: E402

VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (1, 2, 3)),), (Predicate("beside"), Predicate("on"))
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(word_heads, "STEPS", 2)
    monkeypatch.setattr(gain_search, "best_gain", lambda shares: 3.0)


def finished(tiny_network, images=4, held_out=(), **relations):
    """Return the stage after `set_gain`."""
    changed = {**tiny_network, "relations": {**tiny_network["relations"], **relations}}
    torch.manual_seed(0)
    stage = RelationStage(config_from_dict(ModelConfig, changed, "test"), NUM_PREDICATES)
    settings = RelationTraining(precision="float32")
    losses = RelationLosses(stage, settings, torch.ones(1 + NUM_PREDICATES), held_out=held_out)
    set_gain(losses, KeptSamples(*made_up(images)), VOCABULARY)
    return stage


def test_a_head_notes_the_gain_and_what_it_has_seen(tiny_network):
    scores = word_scores(finished(tiny_network, text_encoder="bag_of_words"))
    assert scores.gain == 3 and scores.taught.tolist() == [True, True]
    assert scores.shares.shape == (len(GAINS), 2)
    assert ((scores.shares >= 0) & (scores.shares <= 1)).all(), "what each gain costs, too"


def test_what_was_held_out_was_not_seen(tiny_network):
    stage = finished(tiny_network, held_out=(1,), text_encoder="bag_of_words")
    assert word_scores(stage).taught.tolist() == [True, False]


def test_one_image_or_one_direction_is_too_little_for_a_gain(tiny_network):
    for less in ({"images": 1}, {"split": "none"}):
        stage = finished(tiny_network, text_encoder="bag_of_words", **less)
        scores = word_scores(stage)
        assert scores.gain == 1 and scores.shares.isnan().all()


def test_a_closed_list_stays_as_it_is(tiny_network):
    torch.manual_seed(0)
    assert word_scores(finished(tiny_network)) is None
