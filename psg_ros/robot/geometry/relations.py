# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Facts -> scores of all directed pairs, in the form that a relation stage gives them."""

from __future__ import annotations

import numpy as np

from psg_ros.labels import Vocabulary
from psg_ros.robot.geometry.facts import GeometricFacts
from psg_ros.robot.geometry.rules import RULES

# Probabilities are kept this far from 0 and 1, where logits end.
MARGIN = 1e-4


def geometric_predicates(vocabulary: Vocabulary) -> dict[str, int]:
    """Return the predicates that a rule speaks of and the vocabulary has, with their indices."""
    names = vocabulary.predicate_names
    return {name: names.index(name) for name in RULES if name in names}


def relate(facts: GeometricFacts, predicates: dict[str, int]) -> np.ndarray:
    """Return float64 [subject, object, rule] in 0..1, in the order of `predicates`.

    A pair that one rule claims is left to later rules as far as the claim leaves it open: relations
    of a pair exclude each other, whichever direction they have.
    """
    count = len(facts.areas)
    found = np.zeros((count, count, len(predicates)))
    unclaimed = 1 - np.eye(count)
    for place, name in enumerate(predicates):
        clarity = RULES[name](facts) * unclaimed
        found[:, :, place] = clarity
        unclaimed = unclaimed * (1 - np.maximum(clarity, clarity.T))
    return found
