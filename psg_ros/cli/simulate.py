# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Render a training set of simulated rooms: pictures, panoptic masks and true relations.

The result has the layout of the PSG data set. It depends only on the seed, not on the number of
processes. An interrupted run continues when you give the same command again.

With --clip the result is a video, pictures.mp4, with the ground truth of every picture beside it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from psg_ros.cli.options import count, positive_float, positive_int, size_wh
from psg_ros.cli.targets import check_folder
from psg_ros.machine import cores
from psg_ros.quoting import counted
from psg_ros.simulation import generate_dataset
from psg_ros.simulation.clip import PICTURES, ClipSettings, write_clip

CLIP_RATE_HZ = 15.0

USAGE = "OUT [--train N] [--val N] [--test N] | --clip SECONDS [options]"
EXAMPLES = """\
examples:
  psg simulate rooms --train 2000 --val 200
  psg simulate rooms --train 2000 --val 200 --size 256x256 --workers 4 --seed 1
  psg simulate look --test 8 --depth        a few pictures to look at, with depth
  psg simulate clips/rooms --clip 24 --rate 15 --size 640x480    the clip that `psg demo` plays

needs the extra simulation (mujoco) and a GL library; `psg doctor` tells whether both are there.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg simulate`."""
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="folder of the data set, new or empty"
    )
    for split in ("train", "val", "test"):
        parser.add_argument(
            f"--{split}",
            type=count,
            default=0,
            metavar="N",
            help=f"number of pictures in the split {split} (default: 0)",
        )
    parser.add_argument(
        "--size",
        type=size_wh,
        default=(320, 240),
        metavar="WxH",
        help="size of the pictures in px; larger is slower (default: 320x240)",
    )
    parser.add_argument("--seed", type=count, default=0, help="seed of the rooms (default: 0)")
    parser.add_argument(
        "--workers",
        type=positive_int,
        default=cores(),
        metavar="N",
        help="number of processes (default: one per core)",
    )
    parser.add_argument(
        "--depth", action="store_true", help="also write depth as 16-bit PNG in millimetres"
    )
    parser.add_argument(
        "--clip",
        type=positive_float,
        metavar="SECONDS",
        help="make a video of this length instead of a data set (needs the extra video)",
    )
    parser.add_argument(
        "--rate",
        type=positive_float,
        metavar="HZ",
        help=f"pictures per second of the video (default: {CLIP_RATE_HZ:g})",
    )


def run(args: argparse.Namespace) -> int:
    """Render and say where the result lies."""
    check_folder(args.out)
    num_images = {split: getattr(args, split) for split in ("train", "val", "test")}
    if args.clip is not None:
        if sum(num_images.values()) or args.depth:
            raise ValueError("--clip makes a film; --train, --val, --test and --depth a data set")
        return _film(args)
    if args.rate is not None:
        raise ValueError("--rate is of a film: give --clip SECONDS too")
    if not sum(num_images.values()):
        raise ValueError(
            "nothing to render: give --train, --val or --test a number of pictures, or --clip a "
            "number of seconds"
        )
    path = generate_dataset(
        args.out,
        num_images=num_images,
        size_wh=args.size,
        seed=args.seed,
        workers=args.workers,
        depth=args.depth,
        progress=sys.stderr.isatty(),
    )
    print(f"wrote {path}")
    return 0


def _film(args: argparse.Namespace) -> int:
    settings = ClipSettings(args.seed, args.clip, args.rate or CLIP_RATE_HZ, args.size)
    write_clip(args.out, settings, progress=sys.stderr.isatty())
    pictures = counted(settings.num_frames, "picture")
    print(f"wrote {args.out / PICTURES} ({pictures}), and the truth beside it")
    return 0
