# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Heads that compare with words: what they score follows the vectors and nothing else."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from psg_ros.network.config import RelationConfig  # noqa: E402
from psg_ros.network.relation_head import RelationHead  # noqa: E402
from psg_ros.network.word_scores import WordScores, mixed, word_scores  # noqa: E402

SEEN = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


def unit(count, seed=1):
    drawn = torch.randn(count, 5, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(drawn, dim=1)


@pytest.fixture
def scores():
    torch.manual_seed(0)
    return WordScores(8, 5, 3, none_first=True).eval()


def test_scores_are_scaled_cosines(scores):
    words = unit(3)
    scores.take_words(words)
    cosines = functional.cosine_similarity(scores.project(SEEN)[:, None], words[None], dim=2)
    logits = scores(SEEN)
    torch.testing.assert_close(logits[:, 1:], 20 * cosines - 10)
    torch.testing.assert_close(logits[:, :1], scores.none(SEEN))


def test_another_vocabulary_changes_only_its_columns(scores):
    words = unit(7)
    scores.take_words(words[:4])
    few = scores(SEEN)
    scores.take_words(words)
    many = scores(SEEN)
    assert many.shape == (6, 8)
    torch.testing.assert_close(many[:, :5], few)
    scores.take_words(words.flip(0))
    torch.testing.assert_close(scores(SEEN)[:, 1:].flip(1), many[:, 1:])


def test_none_of_them_stands_first_or_last():
    torch.manual_seed(0)
    first, last = (WordScores(8, 5, 3, none_first=where).eval() for where in (True, False))
    last.load_state_dict(first.state_dict())
    last.take_words(first.words)
    torch.testing.assert_close(last(SEEN), first(SEEN).roll(-1, dims=1))


def test_words_are_no_weights(scores):
    assert "words" not in scores.state_dict()
    assert all(name != "words" for name, _ in scores.named_parameters())


def test_vectors_of_another_encoder_are_refused(scores):
    with pytest.raises(ValueError, match="must have 5 numbers .text_dim., not 6"):
        scores.take_words(torch.ones(3, 6))


def test_training_mixes_the_ways_to_say_a_word_anew_in_every_step(scores):
    words, ways = unit(3), [unit(4, seed=2), unit(1, seed=3), unit(2, seed=4)]
    scores.take_words(words)
    plain = scores(SEEN)
    scores.take_ways(ways)
    torch.testing.assert_close(scores(SEEN), plain)  # words alone count where nothing is learned
    scores.train()
    first, second = scores(SEEN), scores(SEEN)
    assert (first[:, [1, 3]] != second[:, [1, 3]]).all()
    torch.testing.assert_close(first[:, 2], second[:, 2])  # one way is always the same
    scores.take_words(words)
    torch.testing.assert_close(scores(SEEN), plain)


def test_a_mixture_lies_between_the_ways_and_leans_to_some():
    ways = torch.zeros(1, 3, 5)
    ways[0, 0, 0] = ways[0, 1, 1] = 1  # the third row is no way
    drawn = torch.cat([mixed(ways) for _ in range(200)])
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones(200))
    assert (drawn >= 0).all() and (drawn[:, 2:] == 0).all()
    leaning = (drawn.max(dim=1).values > 0.9).float().mean()
    assert 0.3 < leaning < 0.8
    assert abs((drawn[:, 0] > drawn[:, 1]).float().mean() - 0.5) < 0.15


def test_ways_to_say_other_words_are_refused(scores):
    with pytest.raises(ValueError, match="other ways to say 2 words, but there are 3"):
        scores.take_ways([unit(2), unit(2)])


def test_a_relation_head_has_them_where_its_config_names_an_encoder():
    sizes = {"dim": 8, "num_heads": 2, "head_hidden": 12}
    closed = RelationHead(RelationConfig(**sizes), 4)
    assert word_scores(closed) is None and isinstance(closed.mlp[-1], nn.Linear)
    opened = RelationHead(RelationConfig(**sizes, text_encoder="bag_of_words", text_dim=5), 4)
    assert word_scores(opened) is opened.mlp[-1]
    for head in (closed, opened):
        assert [part.shape for part in head(SEEN)] == [(6, 5), (6, 5)]


def test_a_segmenter_with_a_closed_list_refuses_an_encoder():
    from toy_segmenter import ToyConfig

    from psg_ros.network.segmenters import table

    config = ToyConfig(text_encoder="bag_of_words")
    kind = table.SegmenterKind(ToyConfig, "toy_segmenter:Toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(table.SEGMENTERS, config.type, kind)
        with pytest.raises(ValueError, match="are a closed list; leave out text_encoder"):
            table.build_segmenter(config, 3)
