# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations between tracks over time: averaged scores, two thresholds, dwell and fading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.robot.ops.triplets import sigmoid
from psg_ros.robot.tracking.continuity import NS_PER_S
from psg_ros.scene_graph import RelationScores, RelationSource, RelationState

_TENTATIVE = RelationState.TENTATIVE
_CONFIRMED, _FADING = RelationState.CONFIRMED, RelationState.FADING

# A relation that is not confirmed is forgotten below this share of the threshold for lists.
_FORGOTTEN = 0.25

_ENTRY = np.dtype(
    [
        ("subject", np.int64),  # ids of tracks
        ("object", np.int64),
        ("predicate", np.int64),
        ("score", np.float64),
        ("state", np.int8),
        ("source", np.int8),
        ("strong_ns", np.int64),  # for how long it is strong, until it is confirmed; -1: it is not
        ("weak_ns", np.int64),  # for how long it is weak, once it is confirmed; -1: it is not
        ("since_ns", np.int64),
    ]
)


class Listed(NamedTuple):
    """A relation between two nodes of a graph, by their places; see `SceneRelation`."""

    subject: int
    object: int
    predicate: int
    score: float
    source: RelationSource
    state: RelationState | None = None
    since_ns: int | None = None


class Observed(NamedTuple):
    """What one image says of relations.

    Attributes:
        ids: of the tracks of all nodes: first those of the segments, then those that are not seen.
        trusted: bool [node]; their tracks are confirmed.
        related: int64 [segment], ascending; segments whose pairs were looked at.
        scores: of their pairs; one that is missing counts as 0.
        listed: what an image that stands alone would list, at most one for each directed pair.
        threshold: score from which on it would.
        stamp_ns, elapsed_ns: of the image, and time since the last one; 0 in a new stream.
    """

    ids: Sequence[int]
    trusted: np.ndarray
    related: np.ndarray
    scores: RelationScores
    listed: Sequence[Listed]
    threshold: float
    stamp_ns: int
    elapsed_ns: int


class RelationMemory:
    """Relations of one stream; use it from one thread at a time.

    A score is the mean over the last `track_relation_s` seconds, of which later images count more.
    A relation is *strong* while its score is at least `track_relation_confirm`, or the threshold
    for lists where that is higher, and no predicate of its directed pair has a higher one; after
    `track_relation_dwell_s` of that it is confirmed, as soon as the tracks of both ends are. It is
    *weak* while its score is below `track_relation_release` times `track_relation_confirm`, or
    times the best score of its pair; then it fades, and after `track_relation_fade_s` of that it is
    tentative again. While an end is not seen, or not looked at, nothing is known: the score stays,
    and a confirmed relation fades without end until both are, or a track ends. Where the threshold
    for lists is raised, what is below it is tentative at once.

    Tentative relations are listed as an image alone would list them, one for each directed pair,
    and only while the pair has no other.
    """

    def __init__(self) -> None:
        self._entries = np.zeros(0, _ENTRY)
        self._ids: set[int] = set()
        self._threshold = 0.0

    def update(self, image: Observed, settings: PipelineConfig) -> list[Listed]:
        """Return the relations by now, highest score first."""
        if image.elapsed_ns == 0:
            self._entries, self._ids = np.zeros(0, _ENTRY), set()
        known = self._known(image.ids)
        if image.threshold > self._threshold:
            known["state"][known["score"] < image.threshold] = _TENTATIVE
        self._threshold = image.threshold
        seen = _average(known, image, settings.track_relation_s)
        fresh = self._begin(known, image, settings.track_relation_s)
        entries = np.concatenate([known, fresh])
        seen = np.append(seen, np.ones(len(fresh), bool))
        best = _best_of_pair(entries)
        _judge(entries, best, seen, image, settings)
        kept = entries["state"] != _TENTATIVE
        kept |= entries["score"] >= _FORGOTTEN * image.threshold
        self._entries = entries[kept]
        self._ids = set(image.ids)
        return _list(self._entries, best[kept], image)

    def _known(self, ids: Sequence[int]) -> np.ndarray:
        """Return the entries both of whose ends go on."""
        present = [np.isin(self._entries[end], ids) for end in ("subject", "object")]
        return self._entries[present[0] & present[1]]

    def _begin(self, known: np.ndarray, image: Observed, memory_s: float) -> np.ndarray:
        """Return entries for what the image lists and is not known.

        Their scores are means, too: while both ends were there before, it was 0.
        """
        names = ("subject", "object", "predicate")
        keys = zip(*(known[name].tolist() for name in names), strict=True)
        row_of = {key: row for row, key in enumerate(keys)}
        gain, fresh = _gain(image.elapsed_ns, memory_s), []
        for relation in image.listed:
            ends = image.ids[relation.subject], image.ids[relation.object]
            row = row_of.get((*ends, relation.predicate))
            if row is not None:
                known["source"][row] = relation.source
                continue
            score = relation.score * (gain if self._ids.issuperset(ends) else 1.0)
            entry = (*ends, relation.predicate, score, _TENTATIVE, relation.source, -1, -1, 0)
            fresh.append(entry)
        return np.array(fresh, _ENTRY)


def _average(entries: np.ndarray, image: Observed, memory_s: float) -> np.ndarray:
    """Let an image count in the scores; returns about which it says something, bool [entry]."""
    subject, other = (_places(image.ids, entries[end]) for end in ("subject", "object"))
    seen = np.isin(subject, image.related) & np.isin(other, image.related)
    rows = np.full((len(image.ids),) * 2, -1, np.int64)
    rows[tuple(image.scores.pairs.T)] = np.arange(len(image.scores.pairs))
    row = rows[subject, other]
    scored = seen & (row >= 0)
    logits = image.scores.logits[row[scored]]
    predicate = entries["predicate"][scored][:, None]
    now = np.zeros(len(entries))
    now[scored] = sigmoid(-logits[:, 0])
    now[scored] *= sigmoid(np.take_along_axis(logits, predicate + 1, axis=1)[:, 0])
    gain = _gain(image.elapsed_ns, memory_s)
    entries["score"] += np.where(seen, gain * (now - entries["score"]), 0.0)
    return seen


def _gain(elapsed_ns: int, memory_s: float) -> float:
    """Return how much an image counts in a mean over `memory_s` seconds; 1 for the first one."""
    return 1 - math.exp(-elapsed_ns / NS_PER_S / memory_s) if elapsed_ns and memory_s else 1.0


def _places(ids: Sequence[int], wanted: np.ndarray) -> np.ndarray:
    """Return the place of each wanted id among `ids`, int64; all of them are there."""
    order = np.argsort(ids)
    places: np.ndarray = order[np.searchsorted(np.array(ids, np.int64)[order], wanted)]
    return places


def _pairs(entries: np.ndarray) -> np.ndarray:
    """Return one number for each directed pair, int64 [entry]."""
    pairs: np.ndarray = entries["subject"] << 32 | entries["object"]
    return pairs


def _best_of_pair(entries: np.ndarray) -> np.ndarray:
    """Return the highest score of each entry's directed pair."""
    _, pair = np.unique(_pairs(entries), return_inverse=True)
    best = np.zeros(len(entries))
    np.maximum.at(best, pair, entries["score"])
    return best[pair]


def _judge(
    entries: np.ndarray,
    best: np.ndarray,
    seen: np.ndarray,
    image: Observed,
    settings: PipelineConfig,
) -> None:
    """Move entries from state to state."""
    score, elapsed_ns = entries["score"], image.elapsed_ns * seen
    waiting = entries["state"] == _TENTATIVE
    enough = max(settings.track_relation_confirm, image.threshold)
    strong = waiting & (score >= np.maximum(enough, best))
    entries["strong_ns"] = _lasting(strong, entries["strong_ns"], elapsed_ns)
    risen = strong & seen & (entries["strong_ns"] >= settings.track_relation_dwell_s * NS_PER_S)
    for end in ("subject", "object"):
        risen &= image.trusted[_places(image.ids, entries[end])]

    least = settings.track_relation_release * np.maximum(settings.track_relation_confirm, best)
    weak = ~waiting & (score < least)
    entries["weak_ns"] = _lasting(weak, entries["weak_ns"], elapsed_ns)
    gone = weak & (entries["weak_ns"] >= settings.track_relation_fade_s * NS_PER_S)

    entries["since_ns"][risen] = image.stamp_ns
    entries["state"] = np.select(
        [risen, waiting | gone, weak | ~seen], [_CONFIRMED, _TENTATIVE, _FADING], _CONFIRMED
    )


def _lasting(now: np.ndarray, before_ns: np.ndarray, elapsed_ns: np.ndarray) -> np.ndarray:
    """Return for how long something has been so; -1 where it is not so now."""
    return np.where(now, np.where(before_ns >= 0, before_ns + elapsed_ns, 0), -1)


def _list(entries: np.ndarray, best: np.ndarray, image: Observed) -> list[Listed]:
    """Return confirmed and fading relations, and the best one of pairs that have neither."""
    held = entries["state"] != _TENTATIVE
    pairs = _pairs(entries)
    candidate = (entries["score"] >= np.maximum(best, image.threshold)) & ~np.isin(
        pairs, pairs[held]
    )
    chosen = entries[held | candidate]
    chosen = chosen[np.lexsort((chosen["object"], chosen["subject"], -chosen["score"]))]
    place = {id_: place for place, id_ in enumerate(image.ids)}
    return [
        Listed(
            place[subject],
            place[other],
            predicate,
            score,
            RelationSource(source),
            RelationState(state),
            None if state == _TENTATIVE else since_ns,
        )
        for subject, other, predicate, score, state, source, _, _, since_ns in chosen.tolist()
    ]
