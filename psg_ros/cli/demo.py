# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run the whole chain over ROS 2 on this machine: a camera, the node, and a subscriber.

The three are separate processes that talk over DDS. The camera repeats a clip of the simulated
world, plays any --source, or renders the simulated world live (--live). The subscriber prints the
graph as it changes, and leaves annotated.mp4, annotated.png, scene_graph.svg and summary.json in
the output folder. The age of a graph is the time from the stamp of its image to its arrival at the
subscriber, by the same clock.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from psg_ros.cli.options import (
    add_config_options,
    add_pipeline_options,
    count,
    picture_config,
    pipeline_config,
    positive_float,
    say_default_model,
    size_wh,
)
from psg_ros.cli.targets import check_folder
from psg_ros.config import PictureConfig
from psg_ros.files import printable
from psg_ros.media import Media, open_media, shortened
from psg_ros.resources import share_path
from psg_ros.ros.demo.live_view import loss_line, summary_lines
from psg_ros.ros.demo.session import CLIP, RESULT_FILES, DemoOptions, run_demo

USAGE = "[--source PATH] [--seconds N] [--out FOLDER] [options]"
EXAMPLES = """\
examples:
  psg demo                                    the clip of simulated rooms, until Ctrl-C
  psg demo --live --seconds 20                the same rooms without end, rendered live
  psg demo --seed 7                           other rooms, live
  psg demo --source kitchen.mp4 --model photo --loop    a video at its own speed, repeated
  psg demo --source photos/ --model photo --rate 1      a folder, one picture per second
  psg demo --source /dev/video0 --model photo --out mine    a webcam; results in mine/

exit status 0 only if graphs arrived, most images got through and no process failed; logs are in
OUT/logs.
"""

PIPE_SECONDS = 20.0
SIZE_WH = (640, 480)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg demo`."""
    parser.add_argument(
        "--source",
        metavar="PATH",
        help="image (shown without end), folder, video, camera (/dev/videoN) or rosbag2 (default: "
        "a clip of simulated rooms)",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="render simulated rooms live; needs the extra simulation, and takes processor "
        "time from the node",
    )
    parser.add_argument("--topic", default="", help="image topic, if a bag has several")
    parser.add_argument("--loop", action="store_true", help="restart the source at its end")
    parser.add_argument(
        "--seconds",
        type=positive_float,
        metavar="N",
        help="seconds to run after the first graph (default: until Ctrl-C; "
        f"{PIPE_SECONDS:g} when the output is not a terminal)",
    )
    parser.add_argument(
        "--rate",
        type=positive_float,
        metavar="HZ",
        help="frames per second of the camera (default: 10 live, 2 for pictures, else that of the "
        "source)",
    )
    parser.add_argument(
        "--size",
        type=size_wh,
        metavar="WxH",
        help="size of the live picture in px; larger is slower (default: 640x480); implies --live",
    )
    parser.add_argument(
        "--seed",
        type=count,
        metavar="N",
        help="seed of the live rooms, 0 or more (default: 0); implies --live",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo_out"),
        metavar="FOLDER",
        help="output folder; older results in it are replaced (default: demo_out)",
    )
    add_config_options(parser, PictureConfig, title="pictures")
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the demonstration and print what flowed."""
    started_s = time.monotonic()
    check_folder(args.out)
    seconds = args.seconds
    if seconds is None and not sys.stdout.isatty():
        seconds = PIPE_SECONDS
    pictures = picture_config(args)
    name, media = _source(args, pictures)
    options = DemoOptions(
        out=args.out,
        pipeline=pipeline_config(args),
        pictures=pictures,
        media=media,
        topic=args.topic,
        seconds=seconds,
        rate_hz=args.rate,
        size_wh=args.size or SIZE_WH,
        seed=args.seed or 0,
        loop=args.loop or not args.source,
        started_s=started_s,
    )
    print(printable(f"{name} -> node -> subscriber, as processes over ROS 2"), flush=True)
    if media is not None and media.left_out:
        print(printable(f"left out, no pictures: {shortened(media.left_out)}"), file=sys.stderr)
    if args.source:
        say_default_model(args)
    summary = run_demo(options)
    files = [printable(str(args.out / name)) for name in RESULT_FILES]
    print("\n".join(summary_lines(summary, files)))
    if lost := loss_line(summary):
        print(f"error: {lost}", file=sys.stderr)
        return 1
    return 0


def _source(args: argparse.Namespace, pictures: PictureConfig) -> tuple[str, Media | None]:
    """Return what the camera shows, in words and as media; None is the live simulation."""
    live = {"--live": args.live, "--seed": args.seed is not None, "--size": args.size is not None}
    given = [option for option, is_given in live.items() if is_given]
    if args.source and given:
        raise ValueError(
            f"--source shows what was recorded, {' and '.join(given)} the live simulation: "
            "give one of them"
        )
    if given:
        return f"live simulation, rooms {args.seed or 0}", None
    path = args.source or str(share_path() / CLIP)
    media = open_media(path, args.topic, pictures.max_megapixels)
    return args.source or "clip of simulated rooms", media
