# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures one step; a program of its own, started by `settings.measure_in_child`.

Reads {"step": name, "settings": {...}} as JSON from the standard input and writes the result as
JSON to the standard output.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys

from psg_ros.benchmark.ladder.settings import LadderSettings, StepResult, settings_from_dict
from psg_ros.benchmark.ladder.steps import Step, choose_steps


def main() -> None:
    """Obey one order."""
    order = json.load(sys.stdin)
    (step,) = choose_steps([order["step"]])
    with contextlib.redirect_stdout(sys.stderr):
        result = measure(step, settings_from_dict(order["settings"]))
    json.dump(dataclasses.asdict(result), sys.stdout)


def measure(step: Step, settings: LadderSettings) -> StepResult:
    """Measure a step; the deployed one without loading torch first."""
    if step.deployed:
        from psg_ros.benchmark.ladder.deployed import measure_deployed

        return measure_deployed(step, settings)
    from psg_ros.benchmark.ladder.measurement import measure_step

    return measure_step(step, settings)


if __name__ == "__main__":
    main()
