# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fit `psg_ros.robot.calibration` on annotated images, and say how far it can be trusted.

A sample is a relation as the node would list it, the best predicate of a pair; it holds when its
ends match annotated segments and the triplet is annotated. Isotonic regression assumes nothing but
that a higher score is no worse. Temperature scaling (Guo et al., 2017, "On calibration of modern
neural networks") has one number per predicate and one offset, for few samples. No curve is surer
than the number of its samples lets it be (`reachable`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, log_expit, logit

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.overlap import match_segments, measure_overlap
from psg_ros.evaluation.metrics.reliability import Reliability
from psg_ros.labels import Vocabulary
from psg_ros.robot.calibration import FORMAT, Calibration, Calibrator, Curve
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.scene_graph import SceneGraph

MIN_POSITIVES = 10
"""A predicate that was rightly listed less often gets no curve: it would be noise."""
_DIGITS = 6
"""Decimals in the file."""
_MARGIN = 1e-6
_KNOTS = np.linspace(-9, 9, 49)
"""Logits at which the smooth curve of a temperature is sampled; most scores are near 0."""


@dataclass(frozen=True)
class Samples:
    """Listed relations of many images.

    Attributes:
        image: int64 [relation]; running number of its image.
        predicates: int64 [relation].
        scores: float64 [relation].
        holds: bool [relation].
    """

    image: np.ndarray
    predicates: np.ndarray
    scores: np.ndarray
    holds: np.ndarray

    def where(self, chosen: np.ndarray) -> Samples:
        """Return the chosen ones; `chosen` is bool [relation]."""
        return Samples(*(column[chosen] for column in vars(self).values()))


def samples_of(number: int, truth: AnnotatedImage, graph: SceneGraph) -> Samples:
    """Return what one graph lists and whether it is annotated.

    Raises:
        ValueError: the graph has no relation scores, or is of another size.
    """
    if graph.relation_scores is None:
        raise ValueError(f"image {truth.image_id}: the graph has no relation_scores")
    listed = rank_relations(graph.relation_scores)
    overlap = measure_overlap(truth.segmentation, graph.segmentation)
    match = match_segments(truth.segmentation, graph.segmentation, overlap)
    annotated = set(map(tuple, truth.triplets.tolist()))
    holds = [(match[t.subject], match[t.object], t.predicate) in annotated for t in listed]
    return Samples(
        np.full(len(listed), number),
        np.array([t.predicate for t in listed], np.int64),
        np.array([t.score for t in listed], np.float64),
        np.array(holds, bool),
    )


def joined(parts: list[Samples]) -> Samples:
    """Return the samples of all images in one."""
    return Samples(
        *(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True))
    )


def fit(
    samples: Samples, method: str, vocabulary: Vocabulary, model_sha256: str, fitted_on: str
) -> Calibration:
    """Return a curve for every predicate that was rightly listed at least `MIN_POSITIVES` times."""
    curves = []
    for index, name in enumerate(vocabulary.predicate_names):
        own = samples.where(samples.predicates == index)
        positives = int(own.holds.sum())
        if positives >= MIN_POSITIVES:
            knots, values = METHODS[method](own.scores, own.holds)
            values = values.clip(*reachable(own.holds))
            curves.append(
                Curve(name, len(own.scores), positives, _rounded(knots), _rounded(values))
            )
    return Calibration(FORMAT, model_sha256, method, fitted_on, tuple(curves))


def reachable(holds: np.ndarray) -> tuple[float, float]:
    """Return the lowest and the highest probability that so many misses and hits can support.

    The targets of Platt, 1999, "Probabilistic outputs for support vector machines": even after
    nothing but hits, one more sample of either kind is counted. So nothing is said to be impossible
    or certain.

    Args:
        holds: bool [relation].
    """
    hits = np.count_nonzero(holds)
    return 1 / (len(holds) - hits + 2), (hits + 1) / (hits + 2)


def fit_isotonic(scores: np.ndarray, holds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return knots and probabilities: one knot a level, at the mean score of its samples.

    Every level counts one sample more than it has, which holds as often as the predicate does:
    three hits in a row do not justify certainty about what is rare. Levels that this puts out of
    order are joined.

    Args:
        scores: float64 [relation] in 0..1, in any order.
        holds: bool [relation].
    """
    # Equal scores are one item; their order in the data must not decide what they are worth.
    items, item = np.unique(scores.round(_DIGITS), return_inverse=True)
    counts, hits = np.bincount(item).astype(float), np.bincount(item, holds)
    starts = isotonic_regression(hits / counts, weights=counts).blocks[:-1]
    counts, hits, total = np.add.reduceat((counts, hits, counts * items), starts, axis=1)
    levels = (hits + holds.mean()) / (counts + 1)
    rising = isotonic_regression(levels, weights=counts + 1)
    starts = rising.blocks[:-1]
    return np.add.reduceat(total, starts) / np.add.reduceat(counts, starts), rising.x[starts]


def fit_temperature(scores: np.ndarray, holds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return knots and probabilities of sigmoid(logit(score) / temperature + offset).

    Args:
        scores: float64 [relation] in 0..1, in any order.
        holds: bool [relation].
    """
    logits = logit(scores.clip(_MARGIN, 1 - _MARGIN))
    # With 0 and 1 in their place, samples that a score parts without error have no finite best fit.
    targets = np.where(holds, *reversed(reachable(holds)))

    def loss(parameters: np.ndarray) -> float:
        said = logits * np.exp(parameters[0]) + parameters[1]
        return -float((targets * log_expit(said) + (1 - targets) * log_expit(-said)).mean())

    scale, offset = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return expit(_KNOTS), expit(_KNOTS * np.exp(scale) + offset)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "isotonic": fit_isotonic,
    "temperature": fit_temperature,
}


def held_out_probabilities(samples: Samples, method: str, vocabulary: Vocabulary) -> np.ndarray:
    """Return each sample's probability by curves fitted on the other half of the images.

    Curves judged on their own samples look better than they are, and so do curves judged on other
    views of their own scenes. Neighbours in a data set often are such views; hence the halves are
    the first images and the last. Each has half the samples of the curves that are written: those
    should do no worse.

    Returns:
        float64 [relation], NaN where the other half was too small for a curve.
    """
    first = samples.image < np.median(np.unique(samples.image))
    result = np.full(len(samples.scores), np.nan)
    for mine in (first, ~first):
        calibrator = Calibrator(fit(samples.where(~mine), method, vocabulary, "", ""), vocabulary)
        result[mine] = calibrator.probabilities(samples.predicates[mine], samples.scores[mine])
    return result


def compare_on_halves(
    samples: Samples, method: str, vocabulary: Vocabulary
) -> dict[str, Reliability]:
    """Return the reliability of `score` and of `probability` on the same samples.

    The first half of the images is judged by curves of the second and the other way round, see
    `held_out_probabilities`; empty where none could be fitted.
    """
    probabilities = held_out_probabilities(samples, method, vocabulary)
    judged = ~np.isnan(probabilities)
    if not judged.any():
        return {}
    said = {"score": samples.scores, "probability": probabilities}
    holds = samples.holds[judged]
    return {name: Reliability.of_judged(p[judged], holds) for name, p in said.items()}


def _columns(samples: Samples) -> tuple[np.ndarray, ...]:
    return tuple(vars(samples).values())


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in values)
