# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The trained part of stage 2 as a whole, on the features of T2."""

from __future__ import annotations

import dataclasses

import pytest
import torch

pytest.importorskip("transformers")

from tiny_spade import (
    EMBEDDING,
    T2,
    seeded,
    some_features,
    some_masks,
    some_words,
    tiny_network,
)

from psg_ros.network.spade.network import Found, Related, SpadeNetwork, Words
from psg_ros.network.spade.word_scores import WordScores, fuse

HW = (96, 128)


def look(
    network: SpadeNetwork, words: Words | None = None, masks: torch.Tensor | None = None
) -> tuple[Found, Related]:
    masks = some_masks() if masks is None else masks
    with torch.no_grad():
        return network(some_features(), HW, words or some_words(), masks)


def of_pairs(related: Related) -> dict[tuple[int, int], torch.Tensor]:
    pairs = [tuple(pair) for pair in related.pairs.tolist()]
    return dict(zip(pairs, related.logits, strict=True))


def test_permuting_segments_permutes_all_that_is_said_of_them() -> None:
    network, order = tiny_network(), torch.tensor([3, 0, 4, 1, 2])
    plain, related = look(network)
    permuted, related_then = look(network, masks=some_masks()[order])
    torch.testing.assert_close(permuted.object_logits, plain.object_logits[order])
    torch.testing.assert_close(permuted.affinity, plain.affinity[order][:, order])
    expected, found = of_pairs(related), of_pairs(related_then)
    assert len(found) == len(expected) > 0
    for (subject, end), logits in found.items():
        wanted = expected[int(order[subject]), int(order[end])]
        torch.testing.assert_close(logits, wanted, atol=1e-4, rtol=1e-4)


def test_the_direction_of_a_pair_changes_its_relations() -> None:
    logits = of_pairs(look(tiny_network())[1])
    (subject, end), *_ = logits
    assert (logits[subject, end] - logits[end, subject]).abs().max() > 1e-2


def test_other_words_change_the_last_axis_alone() -> None:
    network = tiny_network()
    (few, few_related), (many, many_related) = look(network), look(network, some_words(19, 11))
    assert few.object_logits.shape == (5, 8) and many.object_logits.shape == (5, 20)
    assert few_related.logits.shape[1] == 6 and many_related.logits.shape[1] == 12
    assert torch.equal(few_related.pairs, many_related.pairs)
    torch.testing.assert_close(few.object_logits[:, -1], many.object_logits[:, -1])


def test_padding_the_words_changes_nothing() -> None:
    network, words = tiny_network(), some_words()
    padded = Words(
        torch.cat((words.objects, torch.zeros(9, EMBEDDING))),
        torch.cat((words.predicates, torch.zeros(4, EMBEDDING))),
    )
    (plain, related), (wider, wider_related) = look(network, words), look(network, padded)
    for one, other in (
        (plain.object_logits, wider.object_logits),
        (related.logits, wider_related.logits),
    ):
        real = [*range(one.shape[1] - 1), other.shape[1] - 1]
        torch.testing.assert_close(other.softmax(-1)[:, real], one.softmax(-1))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_segments_are_ordinary(count: int) -> None:
    found, related = look(tiny_network(), masks=some_masks(count))
    assert found.object_logits.shape == (count, 8)
    assert len(related.pairs) == (2 if count == 2 else 0)
    assert related.logits.shape == (len(related.pairs), 6)
    assert related.logits.isfinite().all()


def test_internal_masks_are_found_in_the_features() -> None:
    config = dataclasses.replace(T2, mask_source="internal")
    network = tiny_network(config)
    with torch.no_grad():
        found, related = network(some_features(), HW, some_words())
    assert found.masks.shape == (12, 16, 16)
    assert torch.equal(found.masks, found.mask_logits.sigmoid())
    assert 0 < len(related.pairs) <= config.max_pairs
    with pytest.raises(ValueError, match="finds its own"):
        look(network)


def test_a_missing_mask_and_a_shallow_unet_are_refused() -> None:
    with pytest.raises(ValueError, match="external: give the masks"):
        tiny_network()(some_features(), HW, some_words())
    with pytest.raises(ValueError, match="4 blocks"):
        SpadeNetwork(dataclasses.replace(T2, mask_source="internal"), (64, 32), EMBEDDING)


@pytest.mark.parametrize("alpha", [0.0, 0.34, 1.0])
def test_padding_the_words_changes_no_fused_score(alpha: float) -> None:
    scores, words = WordScores(32, EMBEDDING), some_words().objects
    padded = torch.cat((words, torch.zeros(9, EMBEDDING)))
    queries, pooled = (
        torch.randn(6, 32, generator=seeded(1)),
        torch.randn(6, EMBEDDING, generator=seeded(2)),
    )

    def fused(columns: torch.Tensor) -> torch.Tensor:
        seen = torch.ones(len(columns), dtype=torch.bool)
        logits = scores(queries, columns), scores.of_clip(pooled, columns)
        return fuse(*logits, seen, alpha, alpha)

    with torch.no_grad():
        plain, wider = fused(words), fused(padded)
    torch.testing.assert_close(wider[:, [*range(len(words)), -1]], plain)
    assert (wider[:, len(words) : -1] == 0).all()


def test_fused_scores_are_probabilities() -> None:
    scores = WordScores(32, EMBEDDING)
    words = some_words().objects
    seen = torch.tensor([True, False, True, True, False, False, True])
    with torch.no_grad():
        logits = scores(torch.randn(6, 32, generator=seeded(1)), words)
        clip = scores.of_clip(torch.randn(6, EMBEDDING, generator=seeded(2)), words)
        fused = fuse(logits, clip, seen, 0.34, 0.34)
        torch.testing.assert_close(fused.sum(1), torch.ones(6))
        by_hand = logits.softmax(-1) ** 0.34 * clip.softmax(-1) ** 0.66
        torch.testing.assert_close(fused, by_hand / by_hand.sum(1, keepdim=True))
        torch.testing.assert_close(fuse(logits, clip, seen, 1.0, 1.0), logits.softmax(-1))
        torch.testing.assert_close(fuse(logits, clip, seen, 0.0, 0.0), clip.softmax(-1))
        differently = fuse(logits, clip, seen, 0.9, 0.1)
    assert (differently - fused).abs().max() > 1e-3
