# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recall over parts of the annotated triplets: base and novel words, near and distant pairs.

Protocols after OvSGTR (Chen et al., ECCV 2024) and SPADE (ICCV 2025). Which names are novel is
fixed in `psg_ros.open_set`. Predictions are those of the ordinary evaluation (SingleMPO, one
predicate a pair); a view leaves out annotated triplets, and images that have none left. Where
papers count in two ways both are there: a triplet is of a novel object if both ends are (OvSGTR),
or if any is; and a predicate of the view that no image has is left out of the mean (mR), or counts
as 0 (PSG's code).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import Task
from psg_ros.evaluation.metrics.overlap import match_segments, measure_overlap
from psg_ros.evaluation.metrics.recall import (
    RecallSums,
    depth,
    found_triplets,
    k_name,
    rank_with_constraint,
    recall_of_image,
    without_self_relations,
)
from psg_ros.labels import Vocabulary, phrase
from psg_ros.open_set import novel_indices
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import SceneGraph

PAIR_VIEWS = ("near", "distant", "near, spatial predicate", "distant, spatial predicate")
PROTOCOLS: dict[str, tuple[str, ...]] = {
    "closed": ("all", *PAIR_VIEWS),
    "ovr": ("all", "base predicate", "novel predicate", *PAIR_VIEWS),
    "ovdr": (
        "all", "base", "novel object, both ends", "novel object, any end", "novel predicate",
        *PAIR_VIEWS,
    ),
}  # fmt: skip
"""Protocol -> its views, in the order of the report."""
NEAR_SHARE = 1 / 3
"""Of the image's width: centroids closer than that are a near pair (SPADE)."""
SPATIAL = frozenset({"over", "in front of", "beside", "on", "in", "attached to"})
"""The positional relations of PSG (Yang et al., ECCV 2022); SPADE reports near and distant pairs of
spatial predicates."""
ABSENT_AS_ZERO = " (absent 0)"

View = Callable[["Facts"], np.ndarray]


class Facts:
    """What views ask of the triplets of one image.

    Attributes:
        predicate: bool [triplet]; whether it is novel.
        any_end, both_ends: bool [triplet]; whether subject or object, or both, are novel.
        near, spatial: bool [triplet]; whether the pair is near, and the predicate spatial.
    """

    def __init__(
        self,
        truth: AnnotatedImage,
        triplets: np.ndarray,
        novel_labels: Sequence[int],
        novel_predicates: Sequence[int],
        spatial_predicates: Sequence[int],
    ) -> None:
        segmentation = truth.segmentation
        self.spatial = np.isin(triplets[:, 2], spatial_predicates)
        self.predicate = np.isin(triplets[:, 2], novel_predicates)
        subject, other = np.isin(segmentation.labels[triplets[:, :2]], novel_labels).T
        self.any_end, self.both_ends = subject | other, subject & other
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        centroids = regions.centroid_xy[triplets[:, :2]]
        distance = np.linalg.norm(centroids[:, 0] - centroids[:, 1], axis=1)
        self.near = distance < NEAR_SHARE * segmentation.image_hw[1]


VIEWS: dict[str, View] = {
    "all": lambda facts: np.ones(len(facts.near), bool),
    "base": lambda facts: ~facts.predicate & ~facts.any_end,
    "base predicate": lambda facts: ~facts.predicate,
    "novel predicate": lambda facts: facts.predicate,
    "novel object, both ends": lambda facts: facts.both_ends,
    "novel object, any end": lambda facts: facts.any_end,
    "near": lambda facts: facts.near,
    "distant": lambda facts: ~facts.near,
    "near, spatial predicate": lambda facts: facts.near & facts.spatial,
    "distant, spatial predicate": lambda facts: ~facts.near & facts.spatial,
}
"""Which triplets count."""


class OpenSet:
    """Collects R@k and mR@k of every view of a protocol.

    Args:
        protocol: a key of `PROTOCOLS`.

    Attributes:
        protocol: the same.
        novel_names: labels and predicates that are novel, by these two words.

    Raises:
        ValueError: an unknown protocol.
    """

    def __init__(
        self, vocabulary: Vocabulary, protocol: str, ks: Sequence[int], task: Task = "SGDet"
    ) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, not {protocol!r}")
        self.protocol = protocol
        self._ks, self._task, self._views = tuple(ks), task, PROTOCOLS[protocol]
        self._count = vocabulary.num_predicates
        self._novel = (
            novel_indices(vocabulary.label_names),
            novel_indices(vocabulary.predicate_names),
        )
        names = vocabulary.predicate_names
        self._spatial = [i for i, name in enumerate(names) if phrase(name) in SPATIAL]
        self.novel_names = {
            "labels": [vocabulary.label_names[index] for index in self._novel[0]],
            "predicates": [vocabulary.predicate_names[index] for index in self._novel[1]],
        }
        self._sums = {
            (view, k): RecallSums.empty(self._count) for view in self._views for k in self._ks
        }

    def add(self, truth: AnnotatedImage, graph: SceneGraph | None) -> None:
        """Count one image, which `Evaluator.add` has taken; without a graph nothing is found."""
        triplets = without_self_relations(truth.triplets)
        if not len(triplets):
            return
        facts = Facts(truth, triplets, *self._novel, self._spatial)
        kept = {view: VIEWS[view](facts) for view in self._views}
        for k, found in self._found(truth, triplets, graph).items():
            for view, chosen in kept.items():
                self._sums[view, k] += recall_of_image(triplets[chosen], found[chosen], self._count)

    def scores(self) -> dict[str, dict[str, float]]:
        """Return percent by view and name; NaN where no image has such a triplet."""
        return {view: self._scores_of(view) for view in self._views}

    def images(self) -> Mapping[str, int]:
        """Return the number of images that count in each view."""
        return {view: self._sums[view, self._ks[0]].images for view in self._views}

    def _found(
        self, truth: AnnotatedImage, triplets: np.ndarray, graph: SceneGraph | None
    ) -> dict[int, np.ndarray]:
        if graph is None or graph.relation_scores is None:
            return {k: np.zeros(len(triplets), bool) for k in self._ks}
        if self._task == "PredCls":
            match = np.arange(truth.segmentation.num_segments)
        else:
            overlap = measure_overlap(truth.segmentation, graph.segmentation)
            match = match_segments(truth.segmentation, graph.segmentation, overlap)
        ranked = rank_with_constraint(graph.relation_scores)
        return {
            k: found_triplets(triplets, ranked[: depth(k, triplets)], match, self._count)
            for k in self._ks
        }

    def _scores_of(self, view: str) -> dict[str, float]:
        scores = {}
        words = self._words(view)
        for k in self._ks:
            sums, name = self._sums[view, k], k_name(k)
            scores[f"R@{name}"] = 100 * sums.recall
            scores[f"mR@{name}"] = 100 * sums.mean_recall
            absent = np.nan_to_num(sums.per_predicate)[words]
            mean = float(absent.mean()) if sums.images else float("nan")
            scores[f"mR@{name}{ABSENT_AS_ZERO}"] = 100 * mean
        return scores

    def _words(self, view: str) -> list[int]:
        """Return the predicates that a view is about."""
        novel = self._novel[1]
        if view == "novel predicate":
            return list(novel)
        if "spatial" in view:
            return self._spatial
        if view in ("base", "base predicate"):
            return [index for index in range(self._count) if index not in novel]
        return list(range(self._count))
