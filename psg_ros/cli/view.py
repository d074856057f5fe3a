# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Show scene graphs in a browser: masks, boxes, the graph, and which relation holds when.

SOURCE is a bag of graphs (recorded from the node, or written by `psg bag`), anything that
`psg predict` reads (the model then runs on it), or topic:NAME, a live topic of graphs over ROS 2.
The viewer is Rerun; it needs no network.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from psg_ros.cli.options import (
    add_config_options,
    add_pipeline_options,
    count,
    picture_config,
    pipeline_config,
    positive_int,
    say_default_model,
)
from psg_ros.config import PictureConfig
from psg_ros.files import check_not_input, printable, replacing
from psg_ros.labels import Vocabulary
from psg_ros.media import Media, open_media, shortened
from psg_ros.quoting import counted, listed
from psg_ros.robot.pipeline import Pipeline
from psg_ros.viewing.matching import Scene
from psg_ros.viewing.recording import GraphRecording, load_rerun

USAGE = "SOURCE [--save FILE.rrd] [options]"
EXAMPLES = """\
examples:
  psg view graphs                       a bag that psg bag wrote
  psg view street.mp4 --model photo
  psg view topic:/scene_graph --image /camera/image_raw
  psg view recording --save recording.rrd && rerun recording.rrd
"""
LIVE = "topic:"
OnVocabulary = Callable[[Vocabulary], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg view`."""
    parser.add_argument("source", help="bag, image, folder, video, camera, or topic:NAME")
    parser.add_argument(
        "--save", type=Path, metavar="FILE",
        help="write a recording (.rrd) instead of serving a page",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=positive_int, default=9090, metavar="N",
        help="port of the page; its data uses the next port (default: 9090)",
    )  # fmt: skip
    parser.add_argument(
        "--browser", action=argparse.BooleanOptionalAction, default=True,
        help="open the page in a browser (default: yes)",
    )  # fmt: skip
    parser.add_argument("--topic", default="", help="topic, if a bag has several")
    parser.add_argument(
        "--image", default="", metavar="TOPIC", help="camera images of a live topic"
    )
    parser.add_argument(
        "--frames", type=positive_int, metavar="N", help="stop after N pictures (default: all)"
    )
    parser.add_argument(
        "--shown-relations", type=count, default=15, metavar="N",
        help="show at most N relations per picture, best first (default: 15)",
    )  # fmt: skip
    add_config_options(parser, PictureConfig, title="pictures")
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show scene after scene; a server goes on until Ctrl-C."""
    load_rerun()  # a missing package is said before anything else
    unreadable: list[str] = []
    recording = GraphRecording(args.shown_relations)
    scenes = _scenes(args, recording.describe, unreadable.append)
    with closing(recording), closing(scenes):
        if args.save:
            check_not_input(args.save, args.source)
            with replacing(args.save) as temporary:
                recording.save(temporary)
                num_shown = _show(args, recording, scenes)
                recording.close()
            _say(f"wrote {args.save} ({counted(num_shown, 'picture')})")
        else:
            _say(f"look at {recording.serve(args.port, args.browser)} (Ctrl-C ends)")
            num_shown = _show(args, recording, scenes)
            _say(f"all is there, {counted(num_shown, 'picture')} (Ctrl-C ends)")
            _wait()
    if unreadable:
        _say(f"{len(unreadable)} left out, unreadable: {shortened(unreadable)}")
    return int(bool(unreadable))


def _show(args: argparse.Namespace, recording: GraphRecording, scenes: Iterator[Scene]) -> int:
    num_shown = 0
    try:
        for scene in islice(scenes, args.frames):
            recording.show(scene)
            num_shown += 1
    except KeyboardInterrupt:
        if not (num_shown and args.save):
            raise
    recording.finish()
    if not num_shown:
        raise ValueError(f"{args.source} gives no graph to look at")
    return num_shown


def _scenes(
    args: argparse.Namespace, on_vocabulary: OnVocabulary, on_unreadable: Callable[[str], None]
) -> Generator[Scene, None, None]:
    if args.source.startswith(LIVE):
        from psg_ros.ros.live_scenes import live_scenes  # needs rclpy

        return live_scenes(args.source.removeprefix(LIVE), args.image, on_vocabulary, _say)
    from psg_ros.bags.scenes import graph_topics, scenes

    topics = graph_topics(Path(args.source))
    if args.topic:
        topics = [topic for topic in topics if topic == args.topic]
    if len(topics) > 1:
        raise ValueError(f"{args.source} has graphs on {listed(topics)}; name one with --topic")
    if topics:
        return scenes(Path(args.source), topics[0], on_vocabulary)
    # What can be refused is refused now, before an empty page is served.
    config = pipeline_config(args)
    media = open_media(args.source, args.topic, picture_config(args).max_megapixels)
    say_default_model(args)
    return _predicted(media, Pipeline.open(config), on_vocabulary, on_unreadable)


def _predicted(
    media: Media,
    pipeline: Pipeline,
    on_vocabulary: OnVocabulary,
    on_unreadable: Callable[[str], None],
) -> Generator[Scene, None, None]:
    with pipeline:
        on_vocabulary(pipeline.vocabulary)
        for frame in media.frames(on_unreadable):
            stamp_ns = frame.index if frame.stamp_ns is None else frame.stamp_ns
            yield Scene(stamp_ns, pipeline(frame), frame.image)


def _wait() -> None:
    while True:
        time.sleep(3600)


def _say(text: str) -> None:
    print(printable(f"psg view: {text}"), file=sys.stderr)
