# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Facts -> scores of all directed pairs, in the form that a relation stage gives them."""

from __future__ import annotations

import numpy as np

from psg_ros.labels import Vocabulary
from psg_ros.robot.geometry.facts import GeometricFacts
from psg_ros.robot.geometry.kinds import POSTURES
from psg_ros.robot.geometry.rules import RULES

MISSING = -1


class Relater:
    """What geometry says in the words of a vocabulary; a rule whose word is missing is left out."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        names = vocabulary.predicate_names
        self._num_predicates = len(names)
        self._rules = {
            name: names.index(name) if name in names else MISSING
            for name in RULES
            if name in names or name == "on"
        }
        # Of each label the word for "on"; without one it is held up by nothing that can be said.
        self._posture = np.full(vocabulary.num_labels, self._rules["on"])
        for word, labels in POSTURES.items():
            if word in names:
                known = [label in labels for label in vocabulary.label_names]
                self._posture[known] = names.index(word)

    def __call__(self, facts: GeometricFacts, labels: np.ndarray) -> np.ndarray:
        """Return how clearly each predicate holds, float64 [subject, object, predicate], 0..1.

        A pair that one rule claims is left to later rules as far as the claim leaves it open:
        relations of a pair exclude each other, whichever direction they have.

        Args:
            labels: int64 [segment].
        """
        count = len(labels)
        found = np.zeros((count, count, self._num_predicates))
        unclaimed = 1 - np.eye(count)
        for name, predicate in self._rules.items():
            clarity = RULES[name](facts) * unclaimed
            unclaimed = unclaimed * (1 - np.maximum(clarity, clarity.T))
            if name == "on":
                words = self._posture[labels]
                said = np.flatnonzero(words != MISSING)
                found[said, :, words[said]] = clarity[said]
            else:
                found[:, :, predicate] = clarity
        return found
