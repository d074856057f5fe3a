# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measure what a frame costs on this machine.

--stages times the deployed pipeline step by step: where the milliseconds of one frame go.
--ladder climbs from DSFormer to DSFlash to this package, one switch a row, and shows latency,
relations a second, arithmetic, parameters and memory beside the paper's figures. It needs torch
(extra train); random weights do, because times do not depend on them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from psg_ros.benchmark import stage_report
from psg_ros.benchmark.ladder import report as ladder_report
from psg_ros.benchmark.ladder.settings import Row, measure_in_child
from psg_ros.benchmark.ladder.steps import DEPLOYED, STEPS
from psg_ros.cli import ladder_options
from psg_ros.cli.options import (
    add_pipeline_options,
    count,
    pipeline_config,
    positive_int,
    size_wh,
)
from psg_ros.config import PipelineConfig
from psg_ros.files import check_writable, write_text
from psg_ros.machine import describe_machine
from psg_ros.robot.runtime.backend import backend_version
from psg_ros.tables import terminal_head, terminal_line

USAGE = "(--stages | --ladder) [options]"
EXAMPLES = f"""\
examples:
  psg benchmark --stages
  psg benchmark --stages --model models/mine --image photo.jpg --json stages.json
  psg benchmark --ladder --variant s
  psg benchmark --ladder --variant b --device cuda --dtype bfloat16 --markdown ladder.md
  psg benchmark --ladder --steps class_only packed deployed --masks 24

steps of the ladder:
  {" ".join(step.name for step in STEPS)}

exit status 1 if a step of the ladder could not be measured.
"""
STAGES_FRAMES, STAGES_WARMUP = 200, 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg benchmark`."""
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--stages", action="store_true", help="time the deployed pipeline")
    mode.add_argument("--ladder", action="store_true", help="time the steps of the ladder")
    parser.add_argument("--image", type=Path, metavar="FILE", help="picture to process")
    parser.add_argument(
        "--size",
        type=size_wh,
        default=(640, 480),
        metavar="WxH",
        help="size of the picture without --image: simulated for --stages (extra simulation), "
        "noise for --ladder (default: 640x480)",
    )
    parser.add_argument("--seed", type=count, default=0, help="of picture, segments and weights")
    parser.add_argument("--warmup", type=count, metavar="N", help="warm-up frames, not counted")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument_group("--stages").add_argument(
        "--frames",
        type=positive_int,
        default=argparse.SUPPRESS,
        metavar="N",
        help=f"measured frames (default: {STAGES_FRAMES})",
    )
    ladder_options.add_ladder_options(parser.add_argument_group("--ladder"))
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print as it goes, write the files that were asked for."""
    check_mode(args)
    for path in (args.json, args.markdown):
        if path:
            check_writable(path)
    return _run_ladder(args) if args.ladder else _run_stages(args)


def check_mode(args: argparse.Namespace) -> None:
    """Raise ValueError for options that the chosen mode would not look at."""
    mode, foreign = "--stages", list(ladder_options.LADDER_OPTIONS)
    if args.ladder:
        fields = [field.name for field in dataclasses.fields(PipelineConfig)]
        mode = "--ladder"
        foreign = ["frames", *(f for f in fields if f not in ladder_options.SHARED_OPTIONS)]
        foreign += ["pipeline"] if args.pipeline else []
    wrong = [f"--{name.replace('_', '-')}" for name in foreign if hasattr(args, name)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} cannot be used with {mode}")


def _run_stages(args: argparse.Namespace) -> int:
    from psg_ros.benchmark.stage_times import measure_stages, simulated_image

    config = pipeline_config(args)
    image = args.image or simulated_image(args.size, args.seed)
    frames = getattr(args, "frames", STAGES_FRAMES)
    warmup = STAGES_WARMUP if args.warmup is None else args.warmup
    report = measure_stages(config, image, frames, warmup)
    backend = str(report.facts["backend"])
    machine = describe_machine("numpy", "opencv-python-headless")
    machine[backend] = backend_version(backend)
    settings = {**dataclasses.asdict(config), "image": str(args.image or "simulated")}
    settings |= {"size_wh": args.size, "seed": args.seed, "warmup": warmup}
    print(stage_report.terminal(report))
    record = stage_report.record(report, _command(), machine, settings)
    _write(args, record, stage_report.markdown(report, _command()))
    return 0


def _run_ladder(args: argparse.Namespace) -> int:
    _check_torch()
    steps, settings = ladder_options.chosen_steps(args), ladder_options.ladder_settings(args)
    machine = describe_machine("torch", "numpy")
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        if DEPLOYED in steps:
            settings = ladder_options.export_deployed(settings, Path(folder))
        print(terminal_head(ladder_report.COLUMNS), flush=True)
        for step in steps:
            row = rows[step.name] = measure_in_child(step, settings)
            cells = ladder_report.row_cells(row, rows)
            print(terminal_line(ladder_report.COLUMNS, cells), flush=True)
    results = list(rows.values())
    print("", *ladder_report.notes(settings, results), sep="\n")
    record = ladder_report.record(settings, results, _command(), machine)
    _write(args, record, ladder_report.markdown(settings, results, _command()))
    return 1 if any(row.failure for row in results) else 0


def _check_torch() -> None:
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the ladder needs: pip install '.[train]' in the source folder ({error})"
        ) from error


def _write(args: argparse.Namespace, record: dict[str, Any], markdown: str) -> None:
    if args.json:
        write_text(args.json, json.dumps(record, indent=2) + "\n")
    if args.markdown:
        write_text(args.markdown, markdown)
    for path in (args.json, args.markdown):
        if path:
            print(f"wrote {path}", file=sys.stderr)


def _command() -> str:
    """Return the command line that this is, to stand beside the figures."""
    return shlex.join(["psg", *sys.argv[1:]])
