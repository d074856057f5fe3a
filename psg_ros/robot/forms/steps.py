# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The steps of one image, and a clock that times them."""

from __future__ import annotations

import time

from psg_ros.scene_graph import StageTimes

STEPS = {
    "preprocess": "preprocess_ms",
    "segmenter": "inference_ms",
    "merge": "postprocess_ms",
    "depth": "postprocess_ms",
    "regions": "postprocess_ms",
    "tracking": "postprocess_ms",
    "relations": "inference_ms",
    "geometry": "postprocess_ms",
    "positions": "postprocess_ms",
    "ranking": "postprocess_ms",
}
"""Steps of one image in their order -> the field of `StageTimes` that they count for.

With a fused model the segmenter is the whole network, and relations are looked up. A picture that
stands alone has no step "tracking", and where only a relation stage is asked, there is no
"geometry". "depth" is waiting for it and decoding it, "positions" what is made of it.
"""


class StepClock:
    """Wall-clock milliseconds by step; every call to `lap` ends one, or a part of one."""

    def __init__(self) -> None:
        self.step_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """Count the time since the last lap for a step of `STEPS`."""
        now = time.perf_counter()
        self.step_ms[step] = self.step_ms.get(step, 0.0) + (now - self._last) * 1e3
        self._last = now

    def stage_times(self) -> StageTimes:
        """Return the sums over the steps so far."""
        totals = dict.fromkeys(STEPS.values(), 0.0)
        for step, duration_ms in self.step_ms.items():
            totals[STEPS[step]] += duration_ms
        return StageTimes(**totals)
