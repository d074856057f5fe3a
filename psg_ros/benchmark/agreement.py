# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a backend computes what the reference computes, on the inputs of real frames.

Both run every network of a model on the same inputs; the reference's answers go on through the
pipeline. So each network is judged alone, and a difference in the first does not count twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.tensors import Tensor, to_host

CLASS, SIGNS, TOKENS, RELATIONS, SEGMENTS = "class", "mask signs", "tokens", "relations", "segments"

MEANINGS = {
    CLASS: "queries of another best class",
    SIGNS: "mask logits of the other sign",
    TOKENS: "length of the difference of the patch tokens, relative to theirs",
    RELATIONS: "directed pairs of another best predicate",
    SEGMENTS: "cells of another segment",
}
"""Measure -> what its number, 0..1, is a share of."""

OF_OUTPUT = {
    "class_logits": CLASS,
    "mask_logits": SIGNS,
    "patch_tokens": TOKENS,
    "forward_logits": RELATIONS,
    "backward_logits": RELATIONS,
    "segment_map": SEGMENTS,
    "segment_of": SEGMENTS,
}
"""Output of a network -> the measure that it counts for."""

_EIGHT_BITS = {CLASS: 0.03, SIGNS: 0.015, TOKENS: 0.2, RELATIONS: 0.05, SEGMENTS: 0.03}
_HALF = {CLASS: 0.01, SIGNS: 0.005, TOKENS: 0.05, RELATIONS: 0.02, SEGMENTS: 0.01}
LIMITS = {
    "fp32": {CLASS: 0.001, SIGNS: 0.0005, TOKENS: 0.001, RELATIONS: 0.002, SEGMENTS: 0.001},
    "fp16": _HALF,
    "bf16": _HALF,
    "int8": _EIGHT_BITS,
    "fp8": _EIGHT_BITS,
}
"""Precision of the backend -> the most that each measure may be."""


@dataclass
class Share:
    """How much of something differs."""

    different: float = 0.0
    total: float = 0.0

    @property
    def value(self) -> float:
        """Share 0..1; nan where nothing was compared."""
        return self.different / self.total if self.total else float("nan")


@dataclass
class Agreement:
    """What was compared so far, by measure."""

    shares: dict[str, Share] = field(default_factory=dict)

    def add(self, output: str, expected: np.ndarray, found: np.ndarray) -> None:
        """Compare one output of a network; what means nothing to anybody is left out."""
        if (measure := OF_OUTPUT.get(output)) is None:
            return
        share = self.shares.setdefault(measure, Share())
        if measure in (CLASS, RELATIONS):
            expected, found = expected.argmax(axis=-1), found.argmax(axis=-1)
        if measure == SIGNS:
            expected, found = expected >= 0, found >= 0
        if measure == TOKENS:
            share.different += float(np.linalg.norm(found.astype(np.float64) - expected))
            share.total += float(np.linalg.norm(expected.astype(np.float64)))
        else:
            share.different += int(np.count_nonzero(expected != found))
            share.total += expected.size

    def beyond(self, precision: str) -> list[str]:
        """Return a sentence for each measure beyond the limits of a precision."""
        limits = LIMITS[precision]
        return [
            f"{measure}: {share.value:.3%} {MEANINGS[measure]}, at most {limits[measure]:.3%}"
            for measure, share in self.shares.items()
            if not share.value <= limits[measure]
        ]


class Compared:
    """A reference whose inputs another backend gets, too; see `robot.runtime.backend.Backend`."""

    def __init__(self, reference: Backend, other: Backend, agreement: Agreement) -> None:
        self.name, self.device = reference.name, reference.device
        self.precision = reference.precision
        self._reference, self._other, self._agreement = reference, other, agreement

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()) -> Mapping[str, Tensor]:
        """Return what the reference answers, and note how the other's answer differs."""
        given = {name: to_host(tensor) for name, tensor in inputs.items()}
        expected = self._reference.run(given)
        for name, found in self._other.run(given).items():
            self._agreement.add(name, to_host(expected[name]), to_host(found))
        return expected

    def close(self) -> None:
        """See `Backend.close`."""
        self._reference.close()
        self._other.close()
