# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings and results of the ladder, and the child process in which each step is measured.

Every step gets a process of its own, because neither a peak of memory nor what a library caches
can be taken back. This module imports no torch; the child does.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psg_ros.benchmark.ladder.steps import Step
from psg_ros.benchmark.timing import Timing
from psg_ros.setting_files import config_from_dict

if TYPE_CHECKING:
    from psg_ros.network.config import ModelConfig

DTYPES = ("float32", "bfloat16")
CHILD = "psg_ros.benchmark.ladder.child"


@dataclass(frozen=True)
class RunWeights:
    """The safetensors files of a training run."""

    segmenter: str
    relations: str


@dataclass(frozen=True)
class LadderSettings:
    """Everything that decides a row, besides its step.

    Attributes:
        model: fields of a `ModelConfig`.
        labels: a file of config/labels, without its ending.
        masks: segments of the synthetic partition; not used with weights, which find their own.
        image: picture file; `size_hw` and random pixels where empty.
        batch: pictures per frame.
        threads: CPU threads of torch or the runtime; 0 leaves the choice to them.
        weights: none for random ones.
        deployed_folder: model folder for the step that is deployed.
        backend, precision: of that step, see `PipelineConfig`.
    """

    model: dict[str, Any]
    labels: str = "psg"
    device: str = "cpu"
    dtype: str = "float32"
    masks: int = 12
    repeats: int = 5
    warmup: int = 1
    threads: int = 0
    batch: int = 1
    seed: int = 0
    image: str = ""
    size_hw: tuple[int, int] = (480, 640)
    weights: RunWeights | None = None
    deployed_folder: str = ""
    backend: str = "auto"
    precision: str = "auto"

    @property
    def model_config(self) -> ModelConfig:
        from psg_ros.network.config import ModelConfig

        return config_from_dict(ModelConfig, self.model, "model")


@dataclass(frozen=True)
class StepResult:
    """One row.

    Attributes:
        masks: segments of one picture; figures of a batch are those of equal pictures.
        sequences: rows of the relation network's input for one picture.
        relations: directed pairs scored in one picture.
        mean_tokens: tokens of a sequence that the neck computes.
        flops: of one picture, by stage.
        parameters: of the segmenter and the relation network together.
        peak_mib: on a GPU allocated by torch, otherwise resident in the process, program included.
        device: name of the device.
    """

    timing: Timing
    masks: int
    sequences: int
    relations: int
    mean_tokens: float
    flops: dict[str, int]
    parameters: int
    peak_mib: float
    device: str
    batch: int = 1

    @property
    def relations_per_s(self) -> float:
        """Directed pair predictions a second, the paper's RPS."""
        return self.batch * self.relations / self.timing.median_ms * 1e3

    @property
    def gflop(self) -> float:
        """Of one frame, that is of the whole batch."""
        return self.batch * sum(self.flops.values()) / 1e9


@dataclass(frozen=True)
class Row:
    """A step and what came of it: a result, or why there is none."""

    step: Step
    result: StepResult | None = None
    failure: str = ""


def measure_in_child(step: Step, settings: LadderSettings) -> Row:
    """Measure one step in a fresh process; a process that fails makes a row that says so."""
    order = json.dumps({"step": step.name, "settings": dataclasses.asdict(settings)})
    finished = subprocess.run(
        [sys.executable, "-m", CHILD], input=order, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        return Row(step, failure=_reason(finished))
    return Row(step, result=result_from_dict(json.loads(finished.stdout)))


def settings_from_dict(values: dict[str, Any]) -> LadderSettings:
    """Return what `dataclasses.asdict` made of settings and JSON carried."""
    weights = values["weights"] and RunWeights(**values["weights"])
    return LadderSettings(**{**values, "weights": weights, "size_hw": tuple(values["size_hw"])})


def result_from_dict(values: dict[str, Any]) -> StepResult:
    """Return what `dataclasses.asdict` made of a result and JSON carried."""
    timing = Timing(*(tuple(values["timing"][name]) for name in ("wall_ms", "cpu_ms")))
    return StepResult(**{**values, "timing": timing})


def _reason(finished: subprocess.CompletedProcess[str]) -> str:
    if finished.returncode < 0:
        return f"ended by signal {-finished.returncode} (9 is often: out of memory)"
    lines = finished.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with status {finished.returncode}"
