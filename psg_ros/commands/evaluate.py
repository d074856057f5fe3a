# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measure a model on an annotated data set: recall of relations and panoptic quality, in percent.

The task sgdet judges everything the model says. The task predcls gives it the true masks and labels
and judges the relations alone.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from psg_ros.annotated_files import write_image
from psg_ros.commands.options import add_pipeline_options, pipeline_config, positive_int
from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.psg import SPLITS, load_psg, read_rgb
from psg_ros.evaluation.evaluator import Evaluator, Task
from psg_ros.evaluation.report import EvaluationReport
from psg_ros.evaluation.worst import WorstImages
from psg_ros.files import check_writable, write_text
from psg_ros.pipeline import Pipeline
from psg_ros.scene_graph import SceneGraph

USAGE = "DATA [--split SPLIT] [--task TASK] [--model MODEL] [options]"
EXAMPLES = """\
examples:
  psg evaluate rooms --split val
  psg evaluate rooms --split test --task predcls --json result.json --markdown result.md
  psg evaluate psg_data/psg.json --split test --model models/dsflash_s --images 100
"""

TASKS: dict[str, Task] = {"sgdet": "SGDet", "predcls": "PredCls"}
WORST = 6
HEADLINE = ("R@20", "R@50", "R@100", "mR@20", "mR@50", "mR@100", "PQ", "PQ_things", "PQ_stuff")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg evaluate`."""
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="folder with psg.json, or such a file (PSG layout)"
    )
    parser.add_argument("--split", choices=SPLITS, default="test", help="(default: test)")
    parser.add_argument(
        "--task", choices=sorted(TASKS), default="sgdet", help="see above (default: sgdet)"
    )
    parser.add_argument(
        "--images",
        type=positive_int,
        metavar="N",
        help="only the first N images: a quick look, no result to compare with others",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write all figures as tables")
    parser.add_argument(
        "--worst",
        type=Path,
        metavar="FOLDER",
        help=f"draw the {WORST} images of lowest quality there, truth left, model right",
    )
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the headline."""
    for path in filter(None, (args.json, args.markdown)):
        check_writable(path)
    with Pipeline.open(pipeline_config(args)) as pipeline:
        dataset = load_psg(args.data, pipeline.vocabulary, args.split)
        total = min(len(dataset), args.images or len(dataset))
        evaluator = Evaluator(pipeline.vocabulary, TASKS[args.task])
        worst = WorstImages(WORST)
        for index in tqdm(range(total), unit=" images", leave=False, disable=None):
            truth = dataset[index]
            graph = _predict(pipeline, truth, args.task)
            evaluator.add(truth.image_id, truth, graph)
            worst.add(truth, graph)
        report = evaluator.report()
        origin = _origin(args, pipeline)
    print("\n".join(_headline(report, origin)))
    if args.worst:
        _write_pictures(args.worst, worst.pictures(pipeline.vocabulary))
    if args.json:
        write_text(
            args.json, json.dumps({**origin, **json.loads(report.to_json())}, indent=2) + "\n"
        )
    if args.markdown:
        lines = "".join(f"- {name}: {value}\n" for name, value in origin.items())
        write_text(args.markdown, f"{report.to_markdown()}\n{lines}")
    return 0


def _write_pictures(folder: Path, pictures: list[tuple[str, np.ndarray]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures:
        write_image(folder / name, picture)


def _predict(pipeline: Pipeline, truth: AnnotatedImage, task: str) -> SceneGraph:
    image_rgb = read_rgb(truth.image_path)
    if task == "predcls":
        return pipeline.predict_relations(image_rgb, truth.segmentation)
    return pipeline(image_rgb)


def _origin(args: argparse.Namespace, pipeline: Pipeline) -> dict[str, Any]:
    return {
        "model": pipeline.model_name,
        "model_sha256": pipeline.model_sha256,
        "backend": pipeline.backend_name,
        "data": str(args.data),
        "split": args.split,
    }


def _headline(report: EvaluationReport, origin: dict[str, Any]) -> list[str]:
    rows = [
        f"{origin['model']} on {origin['backend']}, {report.task}, {report.num_images} images of "
        f"{origin['data']} ({origin['split']}), {report.num_related_images} with relations"
    ]
    for name in HEADLINE:
        if name in report.scores:
            value = report.scores[name]
            rows.append(f"  {name:<10} {'-' if math.isnan(value) else f'{value:.2f}':>6} %")
    return rows
