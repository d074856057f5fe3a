# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measure what a frame costs on this machine.

--stages times the deployed pipeline step by step: where the milliseconds of one frame go.
--ladder goes from DSFormer to DSFlash to this package, one change per row, and shows latency,
relations per second, FLOPs, parameters and memory beside the paper's figures. It needs torch (extra
train). Random weights are enough, because times do not depend on them.
--peers compares this package with transformers' EoMT and Mask2Former and with DSFormer, in turns
on the same picture and segments, and refuses any other comparison (extras train and dev).
--topics starts the node and measures the time from the publication of an image to the arrival of
its graph over DDS, and the model's share of it (needs ROS 2 and our messages).
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

from psg_ros.benchmark import stage_report, topic_report
from psg_ros.benchmark.ladder import report as ladder_report
from psg_ros.benchmark.ladder.inputs import read_picture
from psg_ros.benchmark.ladder.settings import LadderSettings, Row, measure_in_child
from psg_ros.benchmark.ladder.steps import DEPLOYED, STEPS
from psg_ros.benchmark.peers import report as peer_report
from psg_ros.benchmark.peers.settings import PEERS, choose_peers, missing
from psg_ros.cli import ladder_options
from psg_ros.cli.options import (
    TRAIN_EXTRA,
    add_pipeline_options,
    count,
    pipeline_config,
    positive_float,
    positive_int,
    size_wh,
)
from psg_ros.config import PipelineConfig
from psg_ros.files import check_writable, write_text
from psg_ros.machine import describe_machine
from psg_ros.robot.runtime.backend import backend_version
from psg_ros.tables import terminal_head, terminal_line

USAGE = "(--stages | --ladder | --peers | --topics) [options]"
EXAMPLES = f"""\
examples:
  psg benchmark --stages
  psg benchmark --stages --model models/mine --image photo.jpg --json stages.json
  psg benchmark --ladder --variant s
  psg benchmark --ladder --variant b --device cuda --dtype bfloat16 --markdown ladder.md
  psg benchmark --ladder --steps class_only packed deployed --masks 24

  psg benchmark --peers --variant s --threads 1 --markdown peers.md --plot peers.png
  psg benchmark --peers --only eomt openvino-bf16 --repeats 20
  psg benchmark --topics --size 1920x1080 --rate 5

steps of the ladder:
  {" ".join(step.name for step in STEPS)}
peers:
  {" ".join(peer.name for peer in PEERS)}

exit status 1 if a step of the ladder, or a peer that is installed, could not be measured.
"""
STAGES_FRAMES, STAGES_WARMUP = 200, 10
TOPICS_RATE_HZ = 10.0
OF_LADDER_ALONE = ("steps", "deployed", "weights", "batch", "dtype")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg benchmark`."""
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--stages", action="store_true", help="time the deployed pipeline")
    mode.add_argument("--ladder", action="store_true", help="time the steps of the ladder")
    mode.add_argument("--peers", action="store_true", help="compare with other implementations")
    mode.add_argument("--topics", action="store_true", help="time the node, image to graph")
    parser.add_argument("--image", type=Path, metavar="FILE", help="picture to process")
    parser.add_argument(
        "--size",
        type=size_wh,
        default=(640, 480),
        metavar="WxH",
        help="size of the picture without --image: simulated for --stages (extra simulation), "
        "noise for the others (default: 640x480)",
    )
    parser.add_argument("--seed", type=count, default=0, help="of picture, segments and weights")
    parser.add_argument("--warmup", type=count, metavar="N", help="warm-up frames, not counted")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to FILE")
    parser.add_argument_group("--stages and --topics").add_argument(
        "--frames",
        type=positive_int,
        default=argparse.SUPPRESS,
        metavar="N",
        help=f"measured frames (default: {STAGES_FRAMES})",
    )
    parser.add_argument_group("--topics").add_argument(
        "--rate",
        type=positive_float,
        default=argparse.SUPPRESS,
        metavar="HZ",
        help=f"images per second (default: {TOPICS_RATE_HZ:g})",
    )
    peers = parser.add_argument_group("--peers, which also takes the options of --ladder")
    peers.add_argument(
        "--only", nargs="+", metavar="PEER", default=argparse.SUPPRESS, help="only these peers"
    )
    peers.add_argument(
        "--plot", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="draw the times"
    )
    ladder_options.add_ladder_options(parser.add_argument_group("--ladder"))
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print as it goes, write the files that were asked for."""
    check_mode(args)
    for path in (args.json, args.markdown, getattr(args, "plot", None)):
        if path:
            check_writable(path)
    return MODES[_mode(args)](args)


def check_mode(args: argparse.Namespace) -> None:
    """Raise ValueError for options that the chosen mode would not look at."""
    mode = _mode(args)
    pipeline = [field.name for field in dataclasses.fields(PipelineConfig)]
    ladder, shared = list(ladder_options.LADDER_OPTIONS), ladder_options.SHARED_OPTIONS
    of_mode = {
        "stages": ["frames", *pipeline],
        "topics": ["frames", "rate", *pipeline],
        "ladder": [*ladder, *shared],
        "peers": ["only", "plot", *(o for o in ladder if o not in OF_LADDER_ALONE), *shared],
    }
    every = dict.fromkeys(option for options in of_mode.values() for option in options)
    foreign = [option for option in every if option not in of_mode[mode]]
    foreign += ["pipeline"] if args.pipeline and mode in ("ladder", "peers") else []
    wrong = [f"--{name.replace('_', '-')}" for name in foreign if hasattr(args, name)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} cannot be used with --{mode}")


def _mode(args: argparse.Namespace) -> str:
    return next(mode for mode in MODES if getattr(args, mode))


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


def _run_peers(args: argparse.Namespace) -> int:
    _check_torch()
    from psg_ros.benchmark.peers.run import measure_peers
    from psg_ros.cli.peer_models import export_for

    peers = choose_peers(getattr(args, "only", []))
    ladder = ladder_options.ladder_settings(args)
    if ladder.weights or ladder.batch != 1 or ladder.device != "cpu":
        raise ValueError("peers are compared on the cpu, with random weights, a picture at a time")
    machine = describe_machine("torch", "transformers", "openvino", "onnxruntime", "numpy")
    with tempfile.TemporaryDirectory() as folder:
        print("exporting our network", file=sys.stderr, flush=True)
        settings = export_for(peers, ladder, Path(folder))
        rows = measure_peers(peers, settings, lambda text: print(text, file=sys.stderr, flush=True))
    print(peer_report.conditions(settings), "", peer_report.terminal(rows), sep="\n")
    record = peer_report.record(rows, settings, _command(), machine)
    _write(args, record, peer_report.markdown(rows, settings, _command()))
    if plot := getattr(args, "plot", None):
        peer_report.draw(rows, plot)
        print(f"wrote {plot}", file=sys.stderr)
    return 1 if any(row.failure and not missing(row.peer) for row in rows) else 0


def _run_topics(args: argparse.Namespace) -> int:
    try:
        from psg_ros.ros.topic_times import measure_topics
    except ImportError as error:
        raise ImportError(
            f"--topics needs ROS 2 and our messages ({error}); psg doctor says how to fix it"
        ) from error
    frames = getattr(args, "frames", STAGES_FRAMES)
    warmup = STAGES_WARMUP if args.warmup is None else args.warmup
    image = LadderSettings({}, seed=args.seed, size_hw=args.size[::-1], image=str(args.image or ""))
    config = pipeline_config(args)
    rate_hz = getattr(args, "rate", TOPICS_RATE_HZ)
    report = measure_topics(config, read_picture(image), rate_hz, frames, warmup)
    print(topic_report.terminal(report))
    record = topic_report.record(report, _command(), describe_machine("numpy"))
    _write(args, record, topic_report.markdown(report, _command()))
    return 0


MODES = {
    "stages": _run_stages,
    "ladder": _run_ladder,
    "peers": _run_peers,
    "topics": _run_topics,
}


def _check_torch() -> None:
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(f"this needs: {TRAIN_EXTRA} ({error})") from error


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
