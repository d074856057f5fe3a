# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long one frame takes from pixels to scene graph, stage by stage, without ROS.

    python benchmarks/pipeline.py --json pipeline.json
    python benchmarks/pipeline.py --image photo.jpg --backend onnxruntime --threads 1

Without --image the picture comes from the simulated world (extra simulation), 640 x 480.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import describe_machine

from psg_ros.config import PipelineConfig
from psg_ros.data.psg import read_rgb
from psg_ros.ops.draw import overlay
from psg_ros.pipeline import Pipeline

WARM_UP = 10


def main() -> None:
    """Measure and print a table."""
    args = parser().parse_args()
    image = read_rgb(args.image) if args.image else simulated_image(args.seed)
    config = PipelineConfig(args.model, args.backend, args.threads, args.precision)
    with Pipeline.open(config) as pipeline:
        graph = pipeline(image)
        rows = measure(pipeline, image, args.frames)
        facts = {
            "model": pipeline.model_name,
            "backend": pipeline.backend_name,
            "image_hw": image.shape[:2],
            "segments": len(graph.nodes),
            "pairs": len(graph.relation_scores.pairs) // 2,
            "frames": args.frames,
            **describe_machine("numpy", "opencv-python-headless", pipeline.backend_name),
        }
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    print(f"\n{'ms':<14}{'median':>8}{'p95':>8}")
    summary = {name: np.percentile(values, (50, 95)).tolist() for name, values in rows.items()}
    for name, (median, high) in summary.items():
        print(f"{name:<14}{median:>8.2f}{high:>8.2f}")
    print(f"{1000 / summary['whole frame'][0]:.1f} frames a second")
    if args.json:
        args.json.write_text(json.dumps({**facts, "ms_median_p95": summary}, indent=2) + "\n")


def measure(pipeline: Pipeline, image: np.ndarray, frames: int) -> dict[str, list[float]]:
    """Return milliseconds of every frame by stage; the drawing is timed apart."""
    names = ("preprocess", "inference", "postprocess", "whole frame", "drawing")
    rows: dict[str, list[float]] = {name: [] for name in names}
    for frame in range(WARM_UP + frames):
        start = time.perf_counter()
        graph = pipeline(image)
        done = time.perf_counter()
        overlay(image, graph, pipeline.vocabulary)
        drawn = time.perf_counter()
        times = graph.times
        values = (times.preprocess_ms, times.inference_ms, times.postprocess_ms)
        values += ((done - start) * 1e3, (drawn - done) * 1e3)
        if frame >= WARM_UP:
            for name, value in zip(names, values, strict=True):
                rows[name].append(value)
    return rows


def simulated_image(seed: int) -> np.ndarray:
    """Return one picture of the simulated camera, uint8 [480, 640, 3]."""
    from psg_ros.data.simulation import SimulatedCamera

    camera = SimulatedCamera(seed=seed, size_wh=(640, 480))
    try:
        return camera.read()[0]
    finally:
        camera.close()


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--image", type=Path, help="picture to work on (default: simulated)")
    options.add_argument("--seed", type=int, default=0, help="of the simulated picture")
    options.add_argument("--frames", type=int, default=200, help="how often (default: 200)")
    options.add_argument("--model", default="demo")
    options.add_argument("--backend", default="auto")
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--precision", default="auto")
    options.add_argument("--json", type=Path, help="also write the figures there")
    return options


if __name__ == "__main__":
    main()
