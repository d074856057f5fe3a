# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run the whole chain over ROS 2 on this machine: a camera, the node, and a subscriber.

The three are separate processes that talk over DDS. The subscriber prints the graph as it changes
and leaves annotated.mp4, annotated.png, scene_graph.svg and summary.json in the output folder. The
age of a graph runs from the stamp of its image to its arrival at the subscriber, by one clock.
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
    size_wh,
)
from psg_ros.config import PictureConfig
from psg_ros.files import printable
from psg_ros.media import open_media, shortened
from psg_ros.ros.demo.live_view import loss_line, summary_lines
from psg_ros.ros.demo.session import RESULT_FILES, DemoOptions, run_demo

USAGE = "[--source PATH] [--seconds N] [--out FOLDER] [options]"
EXAMPLES = """\
examples:
  psg demo                                    simulated rooms, until Ctrl-C
  psg demo --seconds 20 --seed 7              other rooms, 20 seconds
  psg demo --source street.mp4 --loop         a video at its own speed, again and again
  psg demo --source photos/ --rate 1          a folder, one picture a second
  psg demo --source /dev/video0 --out mine    a webcam; results in mine/

exit status 0 only if graphs flowed, most images arrived and every process stayed well; logs are
in OUT/logs.
"""

PIPE_SECONDS = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg demo`."""
    parser.add_argument(
        "--source",
        metavar="PATH",
        help="image, folder, video, camera (/dev/videoN) or rosbag2 (default: a simulated camera, "
        "which needs the extra simulation)",
    )
    parser.add_argument("--topic", default="", help="image topic of a bag that has several")
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
        help="frames a second of the camera (default: 10 simulated, 2 for folders, else the "
        "source's own)",
    )
    parser.add_argument(
        "--size",
        type=size_wh,
        default=(640, 480),
        metavar="WxH",
        help="size of the simulated picture in px; larger is slower (default: 640x480)",
    )
    parser.add_argument(
        "--seed", type=count, default=0, help="seed of the simulated rooms, 0 or more (default: 0)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo_out"),
        metavar="FOLDER",
        help="where the results go; older results there are replaced (default: demo_out)",
    )
    add_config_options(parser, PictureConfig, title="pictures")
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the demonstration and print what flowed."""
    started_s = time.monotonic()
    seconds = args.seconds
    if seconds is None and not sys.stdout.isatty():
        seconds = PIPE_SECONDS
    pictures = picture_config(args)
    media = None
    if args.source:
        media = open_media(args.source, args.topic, pictures.max_megapixels)
    options = DemoOptions(
        out=args.out,
        pipeline=pipeline_config(args),
        pictures=pictures,
        media=media,
        topic=args.topic,
        seconds=seconds,
        rate_hz=args.rate,
        size_wh=args.size,
        seed=args.seed,
        loop=args.loop,
        started_s=started_s,
    )
    source = args.source or f"simulated camera, room {args.seed}"
    print(printable(f"{source} -> node -> subscriber, as processes over ROS 2"), flush=True)
    if media is not None and media.left_out:
        print(printable(f"left out, no pictures: {shortened(media.left_out)}"), file=sys.stderr)
    summary = run_demo(options)
    files = [printable(str(args.out / name)) for name in RESULT_FILES]
    print("\n".join(summary_lines(summary, files)))
    if lost := loss_line(summary):
        print(f"error: {lost}", file=sys.stderr)
        return 1
    return 0
