# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whitened vectors: what all phrases share is gone, and what tells them apart is kept."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from psg_ros.text import minilm
from psg_ros.text.encoders import open_encoder
from psg_ros.text.whitening import fit_whitening, whitening_of, word_vectors


def crowded(rng, count=40):
    """Vectors that share one direction, differ much along a second and little along others."""
    vectors = 0.05 * rng.standard_normal((count, 6))
    vectors[:, 0] += 1
    vectors[:, 1] += 0.6 * rng.standard_normal(count)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def unevenness(vectors):
    """Return how much more the vectors differ along the first axis than along the middle one."""
    variances = np.linalg.eigvalsh(np.cov(vectors.T))
    return variances[-1] / variances[len(variances) // 2]


def test_the_common_part_goes_and_directions_weigh_more_alike():
    vectors = crowded(np.random.default_rng(0))
    whitened = fit_whitening(vectors)(vectors)
    assert whitened.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-6)
    between = ~np.eye(len(vectors), dtype=bool)
    assert (vectors @ vectors.T)[between].mean() > 0.5
    assert abs((whitened @ whitened.T)[between].mean()) < 0.05
    assert unevenness(whitened) < unevenness(vectors) / 2


def test_it_is_fitted_once_for_each_encoder():
    assert whitening_of("bag_of_words") is whitening_of("bag_of_words")
    raw = open_encoder("bag_of_words").encode(["stapled to"])
    assert (word_vectors("bag_of_words", ["stapled to"]) == whitening_of("bag_of_words")(raw)).all()


@pytest.mark.skipif(
    importlib.util.find_spec(minilm.PACKAGE) is None, reason="needs the extra words"
)
def test_another_way_to_say_a_predicate_is_nearer_to_it_than_to_those_that_share_a_word():
    on_top, on, lying, other = word_vectors("minilm", ["upon", "on", "lying on", "carrying"])
    assert on_top @ on > on_top @ lying > on_top @ other
