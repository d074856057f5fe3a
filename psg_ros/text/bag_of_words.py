# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BagOfWords: a phrase is the sum of its words, each a fixed vector that means nothing.

The baseline of the open-set evaluation. What it gets right, it has from words in common ("sitting
on", "lying on"), not from their meaning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


class BagOfWords:
    """See `psg_ros.text.encoders.TextEncoder`; each word's vector comes from a hash of it."""

    dim = 384

    def encode(self, phrases: Sequence[str]) -> np.ndarray:
        """See `TextEncoder`."""
        vectors = np.zeros((len(phrases), self.dim), np.float32)
        for row, phrase in zip(vectors, phrases, strict=True):
            for word in phrase.lower().split():
                row += signs(word, self.dim)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(lengths, 1e-12)


def signs(word: str, dim: int) -> np.ndarray:
    """Return -1 or 1 for each of `dim` numbers, int8; of two words they have little in common."""
    digest = hashlib.shake_128(word.encode()).digest(-(-dim // 8))
    bits = np.unpackbits(np.frombuffer(digest, np.uint8))[:dim]
    return bits.astype(np.int8) * 2 - 1
