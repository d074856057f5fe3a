# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an independent subscriber can say about a stream of graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

RECENT_S = 2.0
"""Length of the window behind the figures of the live view (our choice)."""


@dataclass(frozen=True)
class GraphArrival:
    """One graph as it reached the subscriber.

    Attributes:
        arrived_s: on a steady clock.
        age_ms: from the stamp of the image to the arrival of its graph, both by the system clock.
        sequence: number of the graph, counted from 1 by the node.
        received_frames: images that reached the node so far, as it says itself.
        dropped_frames: those of them that it dropped for newer ones.
        lost_frames: images that got lost on the way to the node so far.
    """

    arrived_s: float
    age_ms: float
    sequence: int
    received_frames: int
    dropped_frames: int
    lost_frames: int
    num_nodes: int
    num_relations: int


class GraphStatistics:
    """Collects arrivals; `summary` looks at all of them, `recent_*` at the last two seconds."""

    def __init__(self) -> None:
        self._arrivals: list[GraphArrival] = []

    def __len__(self) -> int:
        return len(self._arrivals)

    def add(self, arrival: GraphArrival) -> None:
        """Take note of one graph."""
        self._arrivals.append(arrival)

    @property
    def last(self) -> GraphArrival:
        """The newest arrival; IndexError before the first."""
        return self._arrivals[-1]

    def recent_rate_hz(self, now_s: float) -> float:
        """Return graphs a second over the window that ends now; 0 for fewer than two."""
        recent = self._since(now_s - RECENT_S)
        span_s = now_s - recent[0].arrived_s if recent else 0.0
        return (len(recent) - 1) / span_s if len(recent) > 1 and span_s > 0 else 0.0

    def recent_age_ms(self, now_s: float) -> float:
        """Return the median age over the window; of the newest graph when the window is empty."""
        recent = self._since(now_s - RECENT_S) or self._arrivals[-1:]
        return float(np.median([arrival.age_ms for arrival in recent]))

    def summary(self, backend: str, model: str) -> dict[str, Any]:
        """Return the figures of the whole run.

        `frames_received` are the images that reached the node up to its last graph,
        `frames_dropped` those of them it dropped for newer ones, `frames_lost` those that got lost
        on the way to it; all by the node's own count (PipelineTiming).
        Figures without a value (no graphs; a rate from a single one) are None.
        """
        ages = [arrival.age_ms for arrival in self._arrivals]
        return {
            "frames_received": self.last.received_frames if ages else 0,
            "graphs_published": self.last.sequence if ages else 0,
            "frames_dropped": self.last.dropped_frames if ages else 0,
            "frames_lost": self.last.lost_frames if ages else 0,
            "age_ms_median": _rounded(np.median(ages)) if ages else None,
            "age_ms_p95": _rounded(np.percentile(ages, 95)) if ages else None,
            "fps": self._rate_hz(),
            "nodes_mean": _rounded(np.mean([a.num_nodes for a in self._arrivals]))
            if ages
            else None,
            "relations_mean": (
                _rounded(np.mean([a.num_relations for a in self._arrivals])) if ages else None
            ),
            "backend": backend,
            "model": model,
        }

    def _rate_hz(self) -> float | None:
        if len(self) < 2:
            return None
        span_s = self.last.arrived_s - self._arrivals[0].arrived_s
        return _rounded((len(self) - 1) / span_s) if span_s > 0 else None

    def _since(self, start_s: float) -> list[GraphArrival]:
        first = len(self)
        while first and self._arrivals[first - 1].arrived_s >= start_s:
            first -= 1
        return self._arrivals[first:]


def _rounded(value: Any) -> float:
    return round(float(value), 2)
