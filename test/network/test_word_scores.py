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
from psg_ros.network.word_scores import WordScores, retold, word_scores  # noqa: E402

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


def test_training_says_words_in_other_ways(scores):
    words, ways = unit(3), [unit(4, seed=2), unit(1, seed=3), unit(2, seed=4)]
    scores.take_words(words)
    plain = scores(SEEN)
    scores.take_ways(ways)
    torch.testing.assert_close(scores(SEEN), plain)  # where nothing is learned words alone count
    scores.train()
    torch.manual_seed(0)
    told = torch.stack([scores(SEEN) for _ in range(20)])
    assert (told[:, :, 0] == plain[:, 0]).all()
    assert len(told[:, 0, 1].round(decimals=3).unique()) > 5, "mixtures are new in every step"
    assert len(told[:, 0, 2].round(decimals=3).unique()) == 2, (
        "the word itself, or the only way to say it"
    )
    scores.take_words(words)
    torch.testing.assert_close(scores(SEEN), plain)


def test_half_of_the_words_are_mixtures_that_lean_to_some_way():
    words, ways = torch.zeros(400, 5), torch.zeros(400, 3, 5)
    words[:, 4] = ways[:, 0, 0] = ways[:, 1, 1] = 1  # the third row is no way
    torch.manual_seed(0)
    found = retold(words, ways)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(400))
    kept = (found == words).all(dim=1)
    assert 0.4 < kept.float().mean() < 0.6
    mixtures = found[~kept]
    assert (mixtures >= 0).all() and (mixtures[:, 2:] == 0).all()
    assert 0.3 < (mixtures.max(dim=1).values > 0.9).float().mean() < 0.8
    assert abs((mixtures[:, 0] > mixtures[:, 1]).float().mean() - 0.5) < 0.15


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
