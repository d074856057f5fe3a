# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Interest: which labels are reported and which of them are related, by the names users write."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.labels import ANYTHING, Vocabulary, bare_name, split_pair


@dataclass(frozen=True)
class Interest:
    """What `classes` and `pairs` of a configuration mean for a vocabulary.

    Attributes:
        labels: bool [label]; None: all.
        pairs: bool [label, label], symmetric; None: all.
    """

    labels: np.ndarray | None
    pairs: np.ndarray | None

    @classmethod
    def of(cls, config: PipelineConfig, vocabulary: Vocabulary) -> Interest:
        """Look the names up.

        Raises:
            ValueError: a label that the model does not know, with the nearest one, or a pair that
                is none.
        """
        labels = None
        if config.classes:
            named = [_named(name, "classes", vocabulary) for name in config.classes]
            labels = np.any(named, axis=0)
        pairs = None
        if config.pairs:
            ends = [
                [_named(name, "pairs", vocabulary) for name in split_pair(text)]
                for text in config.pairs
            ]
            pairs = np.any([np.outer(a, b) | np.outer(b, a) for a, b in ends], axis=0)
        return cls(labels, pairs)


def _named(name: str, setting: str, vocabulary: Vocabulary) -> np.ndarray:
    """Return bool [label]: those of that name, or all for anything."""
    bare = [bare_name(label) for label in vocabulary.label_names]
    wanted = bare_name(name)
    found = np.array([wanted in (label, ANYTHING) for label in bare], bool)
    if not found.any():
        near = difflib.get_close_matches(wanted, bare, n=1)
        known = ", ".join(vocabulary.label_names[:8])
        hint = (
            f"did you mean {vocabulary.label_names[bare.index(near[0])]!r}?"
            if near
            else f"it knows {known}{', ...' if len(bare) > 8 else ''}"
        )
        raise ValueError(f"{setting}: the model has no label {name!r} ({hint})")
    return found
