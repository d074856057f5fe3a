# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn recorded images (ROS 2 bags) into bags of scene graphs, as fast as the model runs.

A new bag holds SceneGraph messages, deltas, label images and the vocabulary, on the topics and with
the headers that the node would give them. ROS is not needed. On a CPU, the same bag always gives
the same bytes.

Several bags go into one folder, in parallel with --jobs. After an interruption, the same command
with --resume does the rest: a bag appears under its name only when it is complete.

An image that cannot be read is left out, and of a damaged bag the readable part is used; both are
named at the end, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from psg_ros.bags.bag_file import STORAGES, check_target
from psg_ros.bags.batch import convert_all, waiting
from psg_ros.bags.fleet import convert_by_fleet, load_ray
from psg_ros.bags.job import BagResult, Selection, look_at, targets_of
from psg_ros.cli.options import (
    add_config_options,
    add_pipeline_options,
    picture_config,
    pipeline_config,
    positive_int,
    say_default_model,
)
from psg_ros.config import PictureConfig
from psg_ros.files import printable
from psg_ros.media import shortened
from psg_ros.quoting import counted

USAGE = "BAG [BAG ...] -o OUT [options]"
EXAMPLES = """\
examples:
  psg bag recording -o graphs
  psg bag recording -o graphs --topic /front/image_raw --topic /rear/image_raw --copy /tf
  psg bag monday/* -o graphs --jobs 4 --resume --model photo
  psg bag monday/* -o graphs --jobs 64 --resume --ray auto --device cuda
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg bag`."""
    parser.add_argument(
        "bags", nargs="+", type=Path, metavar="BAG", help="rosbag2 (folder or file) or ROS 1 bag"
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="OUT",
        help="the new bag; with several BAGs, a folder for new bags of the same names",
    )  # fmt: skip
    parser.add_argument(
        "--topic", action="append", default=[], metavar="TOPIC",
        help="image topic (default: the only one); repeat it for more cameras, whose topics then "
        "prefix those of their graphs",
    )  # fmt: skip
    parser.add_argument(
        "--depth", default="", metavar="TOPIC",
        help="depth aligned to the images; gives nodes positions in the camera's frame",
    )  # fmt: skip
    parser.add_argument(
        "--camera-info", default="", metavar="TOPIC",
        help="with --depth: CameraInfo of the images (default: beside them)",
    )  # fmt: skip
    parser.add_argument(
        "--copy", action="append", default=[], metavar="TOPIC",
        help="also copy this topic; repeat it for more; all: every topic",
    )  # fmt: skip
    parser.add_argument(
        "--storage", choices=STORAGES, default="",
        help="format of the new bag (default: that of the old one)",
    )  # fmt: skip
    parser.add_argument(
        "--label-images", action=argparse.BooleanOptionalAction, default=True,
        help="write label images: the segment of each pixel (default: yes)",
    )  # fmt: skip
    parser.add_argument(
        "--deltas", action=argparse.BooleanOptionalAction, default=True,
        help="write deltas: what changes from graph to graph (default: yes)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=positive_int, default=1, metavar="N",
        help="process N bags at a time, each with its share of the cores (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--ray", default="", metavar="ADDRESS",
        help="use the machines of this Ray cluster, N models at a time; local starts one here "
        "(needs the extra 'fleet')",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="skip what an earlier run with the same options has finished",
    )  # fmt: skip
    add_config_options(parser, PictureConfig, title="pictures")
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Convert; everything that can be refused is refused before the model is loaded."""
    if args.ray:
        load_ray()
    config = pipeline_config(args)
    selection = Selection(
        tuple(dict.fromkeys(args.topic)),
        tuple(dict.fromkeys(args.copy)),
        args.storage,
        args.depth,
        args.camera_info,
        args.label_images,
        args.deltas,
        picture_config(args).max_megapixels,
    )
    targets = targets_of(args.bags, args.out)
    looked_at = [
        look_at(source, target, selection, config)
        for source, target in zip(args.bags, targets, strict=True)
    ]
    jobs = waiting(looked_at) if args.resume else looked_at
    say_default_model(args)
    if len(looked_at) > 1:
        args.out.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        check_target(job.target, job.storage)
    if done := len(looked_at) - len(jobs):
        print(f"{done} of {len(looked_at)} bags were done before", file=sys.stderr)
    total = sum(job.num_images for job in jobs)
    with tqdm(total=total, unit=" images", leave=False, disable=None) as bar:
        converted = (
            convert_by_fleet(jobs, config, args.ray, args.jobs, bar.update)
            if args.ray
            else convert_all(jobs, config, args.jobs, bar.update)
        )
        results = [_report(result) for result in converted]
    return _status(results)


def _report(result: BagResult) -> BagResult:
    """Say at once what came of a bag."""
    if result.failure:
        is_named = str(result.source) in result.failure
        _say(f"error: {'' if is_named else f'{result.source}: '}{result.failure}")
        return result
    _say(f"wrote {result.target} ({counted(result.num_graphs, 'graph')})")
    if result.without_depth:
        count, first = len(result.without_depth), result.without_depth[0]
        _say(f"{counted(count, 'graph')} without positions: {first}")
    if result.unreadable:
        _say(f"{len(result.unreadable)} left out, unreadable: {shortened(result.unreadable)}")
    if result.ending:
        _say(f"error: {result.ending}; the graphs end there")
    return result


def _status(results: list[BagResult]) -> int:
    """2 where all failed by bad input, 1 where anything is missing, else 0."""
    if results and all(result.failure and result.is_bad_input for result in results):
        return 2
    return int(any(r.failure or r.ending or r.unreadable for r in results))


def _say(text: str) -> None:
    tqdm.write(printable(f"psg bag: {text}"), file=sys.stderr)
