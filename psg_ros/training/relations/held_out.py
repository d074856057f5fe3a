# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training without the predicates that the open-set evaluation calls novel."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TypeVar

import numpy as np

from psg_ros.data.records import ImageRecord
from psg_ros.labels import Vocabulary
from psg_ros.open_set import held_out
from psg_ros.training.config import RelationTraining
from psg_ros.training.relations.relation_samples import RelationTruth

Related = TypeVar("Related", RelationTruth, ImageRecord)


def held_out_predicates(settings: RelationTraining, vocabulary: Vocabulary) -> tuple[int, ...]:
    """Return the predicates that a run does not see, ascending."""
    return held_out(settings.held_out_predicates, vocabulary.predicate_names)


def without_relations(of_image: Related, predicates: Collection[int]) -> Related:
    """Return what is known of an image without the relations of some predicates."""
    kept = ~np.isin(of_image.triplets[:, 2], list(predicates))
    return dataclasses.replace(of_image, triplets=of_image.triplets[kept])
