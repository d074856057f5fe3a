# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The relations of one image in a results folder: an .npz that may be damaged or made by anybody.

Its arrays: `psg_ros.evaluation.results.format`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psg_ros.files import NPZ_DAMAGE
from psg_ros.scene_graph import RelationScores

Listed = tuple[int, int, int, float, float]
"""Subject, object, predicate, score in 0..1, probability in 0..1 or NaN."""


@dataclass(frozen=True)
class StoredRelations:
    """What the file says; `listed` is None where the method does not say what it lists."""

    scores: RelationScores
    listed: list[Listed] | None


def read_relations(path: Path, num_segments: int) -> StoredRelations:
    """Read and check one file.

    Raises:
        ValueError: it is damaged, or not in the layout; names the file.
    """
    try:
        arrays = _read_arrays(path)
        listed = _listed(arrays, num_segments) if "listed" in arrays else None
        return StoredRelations(_scores(arrays), listed)
    except KeyError as error:
        raise ValueError(f"{path.name} has no {error}") from error
    except NPZ_DAMAGE as error:
        # zipfile says nothing where the content of a member ends too early.
        raise ValueError(f"{path.name}: {str(error) or 'truncated'}") from error


def logits_without_no_relation(scores: np.ndarray) -> np.ndarray:
    """Return logits of a method that has no "no relation": -inf in that column.

    Args:
        scores: float [pair, predicate] in [0, 1].

    Returns:
        float32 [pair, 1 + predicate]; a score of 0 becomes -inf, of 1 +inf.

    Raises:
        ValueError: a wrong shape, or a score outside 0 .. 1.
    """
    if scores.ndim != 2 or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("scores must be [pair, predicate] in 0 .. 1")
    exact = scores.astype(np.float64)
    with np.errstate(divide="ignore"):
        logits = np.log(exact) - np.log1p(-exact)
    return np.pad(logits, ((0, 0), (1, 0)), constant_values=-np.inf).astype(np.float32)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    # NumPy would open a single array (.npy), too, and hand it out in another form.
    if not zipfile.is_zipfile(path):
        raise ValueError("empty, truncated or not an .npz file")
    with np.load(path, allow_pickle=False) as file:
        return {name: np.asarray(file[name]) for name in file.files}


def _scores(arrays: Mapping[str, np.ndarray]) -> RelationScores:
    pairs = _integers(arrays["pairs"], "pairs")
    rank = _rank(arrays["rank"]) if "rank" in arrays else None
    if "logits" in arrays:
        return RelationScores(pairs, arrays["logits"].astype(np.float32), rank)
    return RelationScores(pairs, logits_without_no_relation(arrays["scores"]), rank)


def _rank(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "iuf":
        raise ValueError(f"rank must be numbers, not {array.dtype}")
    if np.isnan(array).any():
        raise ValueError("rank holds NaN, which has no place in an order")
    return array.astype(np.float64)


def _listed(arrays: Mapping[str, np.ndarray], num_segments: int) -> list[Listed]:
    triplets, scores = _integers(arrays["listed"], "listed"), arrays["listed_scores"]
    if triplets.shape != (len(scores), 3) or scores.shape != (len(triplets), 2):
        raise ValueError("listed must be [relation, 3] and listed_scores [relation, 2]")
    if ((triplets < 0) | (triplets >= [num_segments, num_segments, np.inf])).any():
        raise ValueError(f"listed must name two of {num_segments} segments and a predicate")
    sound = (scores >= 0) & (scores <= 1) | np.isnan(scores) & [False, True]
    if not sound.all():
        raise ValueError(
            "listed_scores must be a score in 0 .. 1 and a probability in 0 .. 1 or NaN, not "
            f"{scores[~sound.all(axis=1)][0].tolist()}"
        )
    rows = zip(triplets.tolist(), scores.tolist(), strict=True)
    return [(*triplet, *pair) for triplet, pair in rows]


def _integers(array: np.ndarray, name: str) -> np.ndarray:
    """Return the array as int32; what does not fit must not wrap around to an index that does."""
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must be integers, not {array.dtype}")
    narrow = array.astype(np.int32)
    if (narrow != array).any():
        raise ValueError(f"{name} holds numbers beyond 32 bit")
    return narrow
