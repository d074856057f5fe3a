# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenters that were trained alike: how well they see, and what a frame costs.

    python benchmarks/segmenter_table.py runs/segmenters/{eomt,pro_scale,yoso} \\
        --data data/segmenters --json table.json --markdown table.md

Each argument is a finished run of `psg train`; the recipes are in benchmarks/segmenters/. A run is
exported and judged as it is deployed, in OpenVINO; it keeps both (`model`, `quality.json`).
The score above which a query counts is chosen for each model on the split val, by PQ: networks that
were trained briefly are unsure in different ways. Frames are timed by turns, so that what else the
machine does hits all alike; compare the ratios. Needs the extra train.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.config import EvaluationConfig, PipelineConfig
from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.metrics.evaluator import Evaluator, Task
from psg_ros.evaluation.report.examples import Examples
from psg_ros.evaluation.run import Run, from_pipeline
from psg_ros.frame import Frame
from psg_ros.machine import describe_machine, peak_resident_mib
from psg_ros.network.export import SegmenterGraph
from psg_ros.robot.pipeline import Pipeline
from psg_ros.training.release import export_model
from psg_ros.training.train import load_run

THRESHOLDS = (0.02, 0.05, 0.1, 0.3, 0.5)
QUALITY = "quality.json"
COLUMNS = (
    *("PQ", "things", "stuff", "SGDet mR@50", "PredCls mR@50", "score above"),
    *("ms a frame", "x the first", "CPU ms", "x the first", "network ms", "x the first"),
    *("G multiply-adds", "M parameters", "peak MiB"),
)
HEADER = f"| | {' | '.join(COLUMNS)} |\n|---|{'--:|' * len(COLUMNS)}"


@dataclass(frozen=True)
class Quality:
    """Percent, on the split test."""

    score_threshold: float
    pq: float
    pq_things: float
    pq_stuff: float
    sgdet_mr50: float
    predcls_mr50: float


@dataclass(frozen=True)
class Cost:
    """Of one frame.

    Attributes:
        ms: median from image to graph, wall clock.
        ratio: median of this model's time over that of the first one in the same turn.
        cpu_ms, cpu_ratio: the same of the work of all threads.
        network_ms, network_ratio: wall clock of the segmenter's network alone. The rest of a frame
            also depends on how many segments a model finds.
        giga_products: of matrix products and convolutions of the segmenter; torch's counter, half
            of its FLOPs. What a deformable operator samples is not counted.
        peak_mib: resident memory of a process that does nothing else.
    """

    ms: float
    ratio: float
    cpu_ms: float
    cpu_ratio: float
    network_ms: float
    network_ratio: float
    giga_products: float
    segmenter_parameters: int
    parameters: int
    peak_mib: float


def main() -> None:
    """Measure and print the table."""
    args = _parser().parse_args()
    if args.child:
        print(peak_of(args.runs[0], args.data, args.threads))
        return
    folders = [exported(run) for run in args.runs]
    pairs = zip(args.runs, folders, strict=True)
    quality = [judged(run, folder, args) for run, folder in pairs]
    costs = measure(args.runs, folders, quality, args)
    names = [run.name for run in args.runs]
    table = "\n".join((HEADER, *map(row, names, quality, costs)))
    print(table)
    content = {
        "command": f"python benchmarks/segmenter_table.py {' '.join(sys.argv[1:])}",
        "machine": describe_machine("torch", "openvino"),
        "models": {
            name: {"quality": asdict(good), "cost": asdict(cost)}
            for name, good, cost in zip(names, quality, costs, strict=True)
        },
    }
    if args.json:
        args.json.write_text(json.dumps(content, indent=2) + "\n")
    if args.markdown:
        args.markdown.write_text(table + "\n")


def exported(run: Path) -> Path:
    """Return the model folder of a run."""
    folder = run / "model"
    return folder if folder.is_dir() else export_model(run, folder)


def judged(run: Path, folder: Path, args: argparse.Namespace) -> Quality:
    """Return the figures that the run keeps, or measure them."""
    kept = run / QUALITY
    if kept.is_file():
        return Quality(**json.loads(kept.read_text()))
    quality = judge(folder, args)
    kept.write_text(json.dumps(asdict(quality)))
    return quality


def judge(folder: Path, args: argparse.Namespace) -> Quality:
    """Choose the threshold on val and measure on test."""
    by_threshold = {t: evaluate(folder, args, t, "val", "SGDet")["PQ"] for t in THRESHOLDS}
    best = max(by_threshold, key=by_threshold.__getitem__)
    whole = evaluate(folder, args, best, "test", "SGDet")
    given = evaluate(folder, args, best, "test", "PredCls")
    panoptic = (whole[name] for name in ("PQ", "PQ_things", "PQ_stuff"))
    return Quality(best, *panoptic, whole["mR@50"], given["mR@50"])


def evaluate(
    folder: Path, args: argparse.Namespace, threshold: float, split: str, task: Task
) -> dict[str, float]:
    """Return the scores of `psg evaluate`, with its own settings but for the threshold."""
    config = EvaluationConfig(str(folder), score_threshold=threshold, threads=args.threads)
    with Pipeline.open(config) as pipeline:
        dataset = open_dataset(args.data, pipeline.vocabulary, split)
        source = from_pipeline(pipeline, task)
        run = Run(Evaluator(pipeline.vocabulary, task), Examples(0))
        run.over(dataset, source)
    return dict(run.evaluator.report().scores)


def measure(
    runs: Sequence[Path],
    folders: Sequence[Path],
    quality: Sequence[Quality],
    args: argparse.Namespace,
) -> list[Cost]:
    """Time all models by turns, and count what they are made of."""
    frames = pictures(args.data, folders[0], args.images)
    times = np.empty((len(frames), len(folders), 3))
    with ExitStack() as stack:
        pipelines = [
            stack.enter_context(Pipeline.open(settings(folder, good.score_threshold, args.threads)))
            for folder, good in zip(folders, quality, strict=True)
        ]
        for pipeline in pipelines:
            pipeline(frames[0])
        for turn, frame in enumerate(frames):
            for index, pipeline in enumerate(pipelines):
                start = clocks()
                pipeline(frame)
                times[turn, index] = *(clocks() - start), pipeline.step_ms["segmenter"]
    medians, ratios = np.median(times, axis=0), np.median(times / times[:, :1], axis=0)
    return [
        Cost(
            *(
                float(value)
                for pair in zip(medians[index], ratios[index], strict=True)
                for value in pair
            ),
            peak_mib=peak_in_child(folder, args),
            **counts(run),
        )
        for index, (run, folder) in enumerate(zip(runs, folders, strict=True))
    ]


def clocks() -> np.ndarray:
    """Return milliseconds on the wall and of this process's threads."""
    return np.array((time.perf_counter(), time.process_time())) * 1000


def settings(folder: Path, threshold: float, threads: int) -> PipelineConfig:
    return PipelineConfig(str(folder), score_threshold=threshold, threads=threads)


def pictures(data: Path, folder: Path, count: int) -> list[Frame]:
    with Pipeline.open(PipelineConfig(str(folder))) as pipeline:
        dataset = open_dataset(data, pipeline.vocabulary, "test")
    return [Frame(read_picture(dataset[index])) for index in range(min(count, len(dataset)))]


def counts(run: Path) -> dict:
    """Return parameters and multiply-adds of the network of a run."""
    model, _, _ = load_run(run)
    counter = FlopCounterMode(display=False)
    model.requires_grad_(False)  # its hooks on modules stumble over views of parameters
    image = torch.zeros(1, *model.config.segmenter.input_hw, 3, dtype=torch.uint8)
    with torch.no_grad(), counter:
        SegmenterGraph(model)(image)
    return {
        "giga_products": counter.get_total_flops() / 2e9,
        "segmenter_parameters": sum(p.numel() for p in model.segmenter.parameters()),
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def peak_in_child(folder: Path, args: argparse.Namespace) -> float:
    command = [sys.executable, __file__, folder, "--data", args.data, "--child"]
    command += ["--threads", args.threads]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def peak_of(folder: Path, data: Path, threads: int) -> float:
    """Return the peak of this process after a few frames, MiB."""
    frames = pictures(data, folder, 5)
    with Pipeline.open(settings(folder, 0.5, threads)) as pipeline:
        for frame in frames:
            pipeline(frame)
    return peak_resident_mib()


def row(name: str, good: Quality, cost: Cost) -> str:
    figures = (
        *(f"{value:.1f}" for value in (good.pq, good.pq_things, good.pq_stuff)),
        f"{good.sgdet_mr50:.1f}",
        f"{good.predcls_mr50:.1f}",
        f"{good.score_threshold:.2f}",
        f"{cost.ms:.1f}",
        f"{cost.ratio:.2f}",
        f"{cost.cpu_ms:.1f}",
        f"{cost.cpu_ratio:.2f}",
        f"{cost.network_ms:.1f}",
        f"{cost.network_ratio:.2f}",
        f"{cost.giga_products:.2f}",
        f"{cost.parameters / 1e6:.2f}",
        f"{cost.peak_mib:.0f}",
    )
    return f"| {name} | {' | '.join(figures)} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", help="run folders of psg train")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--images", type=int, default=60, help="frames to time (default: 60)")
    parser.add_argument("--threads", type=int, default=2, help="of OpenVINO (default: 2)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
