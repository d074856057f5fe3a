# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whitening of a text encoder: what all short phrases have in common is taken away.

A sentence encoder gives any two words a cosine near 0.4, because both are words; and it spreads
them along a few directions that say little about meaning. Source: Su et al., "Whitening sentence
representations for better semantics and faster retrieval", 2021; here with a floor under small
variances, as 189 phrases do not span 384 dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from psg_ros.labels import find_vocabulary, phrase
from psg_ros.text.encoders import open_encoder
from psg_ros.word_table import Whitening

BACKGROUND = "psg"
"""The vocabulary whose words show what words have in common."""
FLOOR = 10.0
"""Under every variance, as a share of the mean one: strong directions shrink, weak ones stay."""


def fit_whitening(vectors: np.ndarray) -> Whitening:
    """Return the whitening that these vectors float32 [phrase, dim] ask for."""
    mean = vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov((vectors - mean).T.astype(np.float64)))
    variances = np.maximum(variances, 0)
    scales = (variances + FLOOR * variances.mean()) ** -0.5
    matrix = (axes * (scales / scales.max())) @ axes.T
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))


@cache
def whitening_of(encoder: str) -> Whitening:
    """Return the whitening for a text encoder, from the words of `BACKGROUND`.

    Raises:
        ImportError, ValueError, FileNotFoundError: see `open_encoder`.
    """
    vocabulary = find_vocabulary(BACKGROUND)
    names = (*vocabulary.label_names, *vocabulary.predicate_names)
    return fit_whitening(open_encoder(encoder).encode([phrase(name) for name in names]))


def word_vectors(encoder: str, phrases: Sequence[str]) -> np.ndarray:
    """Return what a network compares with: float32 [phrase, dim], whitened, each of length 1.

    Raises:
        ImportError, ValueError, FileNotFoundError: see `open_encoder`.
    """
    return whitening_of(encoder)(open_encoder(encoder).encode(phrases))
