# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measure a model on an annotated data set: recall of relations and panoptic quality, in percent.

The task sgdet judges everything the model finds. The task predcls gives it the true masks and
labels, and judges only the relations. Instead of a model you can judge a folder of results from any
method (`psg_ros.evaluation.results.format` describes it), or a run folder of `psg train`, whose
network then runs in torch with the thresholds that an export would recommend.

Unlike the node, this merges masks at image size and computes in fp32, so that figures can be
compared with other methods and other processors. --merge-resolution and --precision change that.
The report names both, and how images were scaled.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path

from psg_ros.cli.judging import Judged, add_judging_options, check_targets, judge, say
from psg_ros.cli.options import (
    add_data_options,
    add_pipeline_options,
    open_data,
    pipeline_config,
    torch_device,
)
from psg_ros.config import TRACKING_SETTINGS, EvaluationConfig
from psg_ros.data.opening import SPLITS
from psg_ros.evaluation.metrics.evaluator import Task
from psg_ros.evaluation.report.origin import describe_model
from psg_ros.evaluation.results.fit import check_fit
from psg_ros.evaluation.results.reader import Results
from psg_ros.evaluation.run import from_pipeline, from_results
from psg_ros.robot.pipeline import Pipeline

USAGE = (
    "DATA [--split SPLIT] [--task TASK] [--model MODEL | --run RUN | --results FOLDER] [options]"
)
EXAMPLES = """\
examples:
  psg evaluate rooms --split val
  psg evaluate rooms --split test --html report.html --save-results rooms_results
  psg evaluate rooms --split test --task predcls --json result.json --markdown result.md
  psg evaluate psg_data/psg.json --split test --model models/dsflash_s --images 100
  psg evaluate psg_data/psg.json --split test --results other_method --k 20,50 --multi-mpo
  psg evaluate rooms --split test --open-set ovr --json open.json
  psg evaluate rooms --split val --run runs/mine --device cuda     needs the extra train (torch)
"""

TASKS: dict[str, Task] = {"sgdet": "SGDet", "predcls": "PredCls"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg evaluate`."""
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="folder or annotation file, in PSG's layout or, without relations, COCO panoptic",
    )
    parser.add_argument(
        "--split", choices=SPLITS, default="test", help="split to evaluate (default: test)"
    )
    parser.add_argument(
        "--task", choices=sorted(TASKS), help="see above (default: sgdet, or what --results says)"
    )
    add_judging_options(parser)
    parser.add_argument(
        "--run",
        type=Path,
        metavar="RUN",
        help="run folder of psg train: evaluate its network in torch, on --device (auto is cpu)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="evaluate these results, without model and photos",
    )
    add_data_options(parser)
    add_pipeline_options(parser, kind=EvaluationConfig, without=TRACKING_SETTINGS)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the headline."""
    check_targets(args)
    with ExitStack() as stack:
        judged = _from_results(args) if args.results else _from_model(args, stack)
        dataset = open_data(args, judged.vocabulary)
        if judged.results:
            say(check_fit(judged.results, dataset, args.images))
        judge(args, judged, dataset)
    return 0


def _from_model(args: argparse.Namespace, stack: ExitStack) -> Judged:
    pipeline = stack.enter_context(_open_pipeline(args))
    task = TASKS[args.task or "sgdet"]
    source, model = from_pipeline(pipeline, task), describe_model(pipeline)
    return Judged(source, pipeline.vocabulary, task, model)


def _open_pipeline(args: argparse.Namespace) -> Pipeline:
    config = pipeline_config(args, EvaluationConfig)
    if not args.run:
        return Pipeline.open(config)
    opening = [f.name for f in fields(config) if f.metadata["fixed"] and f.name != "device"]
    default = EvaluationConfig()
    changed = [o for o in opening if o in args or getattr(config, o) != getattr(default, o)]
    _refuse(changed, "--run judges the network of a run folder, in torch")
    device, model = torch_device(config.device), str(args.run)
    # One graph looks at the best queries alone, and takes no segments from outside.
    config = replace(config, fused_segments=0)
    return Pipeline.open(replace(config, model=model, backend="torch", device=device))


def _from_results(args: argparse.Namespace) -> Judged:
    useless = [name for name in ("save_results", "run", "pipeline") if getattr(args, name)]
    useless += sorted(set(vars(args)) & set(vars(EvaluationConfig())))
    _refuse(useless, "--results judges a folder and runs no model")
    results = Results(args.results)
    if args.task and TASKS[args.task] != results.task:
        raise ValueError(f"{args.results} is of the task {results.task}, not {TASKS[args.task]}")
    source = from_results(results)
    return Judged(source, results.vocabulary, results.task, results.model, results)


def _refuse(options: Sequence[str], reason: str) -> None:
    if options:
        raise ValueError(f"{reason}; leave --{options[0].replace('_', '-')} out")
