# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The deployed pipeline, step by step: where the time of one frame goes. Needs no torch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psg_ros.benchmark.timing import Timing
from psg_ros.config import PipelineConfig
from psg_ros.drawing.draw import overlay
from psg_ros.frame import Frame
from psg_ros.pictures.picture_file import read_image
from psg_ros.robot.forms import STEPS
from psg_ros.robot.pipeline import Pipeline

DECODE, DRAW, FRAME = "decode", "drawing", "whole frame"

FRAME_NS = 33_000_000
"""Between the stamps of two frames, which only tracking looks at."""


@dataclass(frozen=True)
class StageReport:
    """What was measured.

    Attributes:
        facts: model, backend, sizes: what the figures hold for.
        steps: steps of `Pipeline` in their order; together they are the frame.
        frame: one call of the pipeline.
        around: what surrounds the pipeline: decoding of a picture file, drawing.
    """

    facts: dict[str, object]
    steps: dict[str, Timing]
    frame: Timing
    around: dict[str, Timing]


def measure_stages(
    config: PipelineConfig, image: Path | np.ndarray, frames: int, warmup: int
) -> StageReport:
    """Run one picture `frames` times, as a stream in which nothing moves.

    Args:
        image: picture file, decoded again for every frame, or uint8 [height, width, 3] RGB.
        warmup: frames before, which are not counted.

    Raises:
        FileNotFoundError: no such picture or model.
    """
    rows: dict[str, list[float]] = {}
    cpu_ms: list[float] = []
    with Pipeline.open(config) as pipeline:
        for number in range(warmup + frames):
            sample, frame_cpu_ms, facts = _one_frame(pipeline, image, number * FRAME_NS)
            if number >= warmup:
                cpu_ms.append(frame_cpu_ms)
                for name, duration_ms in sample.items():
                    rows.setdefault(name, []).append(duration_ms)
        opened = {
            "model": pipeline.model_name,
            "backend": pipeline.backend_name,
            "device": pipeline.device,
            "precision": pipeline.precision,
        }
    timings = {name: Timing(tuple(values), ()) for name, values in rows.items()}
    return StageReport(
        facts=opened | facts,
        steps={name: timings[name] for name in STEPS if name in timings},
        frame=Timing(timings[FRAME].wall_ms, tuple(cpu_ms)),
        around={name: timings[name] for name in (DECODE, DRAW) if name in timings},
    )


def simulated_image(size_wh: tuple[int, int], seed: int) -> np.ndarray:
    """Return one picture of the simulated camera, uint8 [height, width, 3] RGB.

    Raises:
        ImportError: the extra `simulation` is not installed.
    """
    from psg_ros.simulation import SimulatedCamera

    camera = SimulatedCamera(seed=seed, size_wh=size_wh)
    try:
        return camera.read()[0]
    finally:
        camera.close()


def _one_frame(
    pipeline: Pipeline, image: Path | np.ndarray, stamp_ns: int
) -> tuple[dict[str, float], float, dict[str, object]]:
    """Return milliseconds by step, CPU milliseconds of the frame, and what was found."""
    started = time.perf_counter()
    image_rgb = read_image(image) if isinstance(image, Path) else image
    decoded, cpu = time.perf_counter(), time.process_time()
    graph = pipeline(Frame(image_rgb, stamp_ns=stamp_ns))
    done, cpu_done = time.perf_counter(), time.process_time()
    overlay(image_rgb, graph, pipeline.vocabulary)
    drawn = time.perf_counter()
    sample = {**pipeline.step_ms, FRAME: (done - decoded) * 1e3, DRAW: (drawn - done) * 1e3}
    if isinstance(image, Path):
        sample[DECODE] = (decoded - started) * 1e3
    num_pairs = 0 if graph.relation_scores is None else len(graph.relation_scores.pairs) // 2
    facts = {"image_hw": image_rgb.shape[:2], "segments": len(graph.nodes), "pairs": num_pairs}
    return sample, (cpu_done - cpu) * 1e3, facts
