# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn an image, a folder of images, a video, a video device or a ROS 2 bag into scene graphs.

Prints one line per relation, best first: `person #1 -- on --> chair #2   0.83`, unless --json is
given. In a video, a bag or from a camera, a thing keeps its number from picture to picture, as in
the ROS node. The pictures of a folder need not be related, so there the numbers are new in each
picture.

Pictures that cannot be read are left out and named at the end, and whatever comes before the damage
in a video is kept; the exit status is then 1. If nothing could be read, it is 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

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
from psg_ros.drawing.annotated_files import AnnotatedOutput, open_annotated
from psg_ros.drawing.draw import overlay
from psg_ros.files import check_not_input, printable
from psg_ros.graph_files import GraphFile, graph_record, relation_line, stamp_record
from psg_ros.media import Media, MediaError, MediaFrame, OnUnreadable, open_media, shortened
from psg_ros.quoting import counted
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import SceneGraph

USAGE = "SOURCE [--json FILE] [--annotated PATH] [options]"
EXAMPLES = """\
examples:
  psg predict photo.jpg
  psg predict photo.jpg --json graph.json --annotated drawn.png
  psg predict photo.jpg --json - | jq '.relations[0]'
  psg predict photos/ --json graphs.json --annotated drawn/
  psg predict street.mp4 --every 3 --frames 100 --json graphs.jsonl --annotated drawn.mp4
  psg predict photo.jpg --relation-threshold 0.3 --backend onnxruntime
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg predict`."""
    parser.add_argument(
        "source",
        help="image file, folder of images, video file, camera (/dev/videoN) or rosbag2 (folder or "
        "file); recognised by content, not by name",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the graphs: one object for an image, else a list, or JSON Lines if FILE ends "
        "in .jsonl; - writes to standard output",
    )
    parser.add_argument(
        "--annotated",
        type=Path,
        metavar="PATH",
        help="write drawings: an image file for an image, a folder for a folder, else an .mp4",
    )
    parser.add_argument(
        "--frames", type=positive_int, metavar="N", help="stop after N pictures (default: all)"
    )
    parser.add_argument(
        "--every",
        type=positive_int,
        default=1,
        metavar="N",
        help="take only every Nth picture; a drawn video keeps its duration (default: 1)",
    )
    parser.add_argument(
        "--drawn-relations",
        type=count,
        default=10,
        metavar="N",
        help="draw at most N relations per picture, best first (default: 10)",
    )
    parser.add_argument(
        "--show",
        type=count,
        metavar="N",
        help="print at most N relations per picture (default: 20 for an image, 3 otherwise)",
    )
    parser.add_argument("--topic", default="", help="image topic, if a bag has several")
    add_config_options(parser, PictureConfig, title="pictures")
    add_pipeline_options(parser)


def run(args: argparse.Namespace) -> int:
    """Predict and report; everything that can be refused is refused before the model is loaded."""
    config = pipeline_config(args)
    media = open_media(args.source, args.topic, picture_config(args).max_megapixels)
    if media.is_endless and args.frames is None:
        raise ValueError(f"{media.path} is a camera and never ends: give --frames N")
    if media.left_out:
        _warn(f"{len(media.left_out)} left out, no pictures", media.left_out)
    unreadable: list[str] = []
    ending: MediaError | KeyboardInterrupt | None = None
    num_done = 0
    with ExitStack() as stack:
        outputs = _outputs(args, media, stack)
        say_default_model(args)
        pipeline = stack.enter_context(Pipeline.open(config))
        try:
            for frame in _selected(args, media, unreadable.append, hidden=not outputs[0]):
                _report(frame, pipeline(frame), media, pipeline, args, outputs)
                num_done += 1
            if not num_done and unreadable:
                raise MediaError(f"no picture can be read: {shortened(unreadable)}")
        except (MediaError, KeyboardInterrupt) as error:
            if not num_done:
                raise
            ending = error  # what is done is done: the outputs are finished as after the last frame
    for path in (args.json, args.annotated):
        if path and str(path) != "-":
            print(printable(f"wrote {path} ({counted(num_done, 'picture')})"), file=sys.stderr)
    if unreadable:
        _warn(f"{len(unreadable)} left out, unreadable", unreadable)
    if isinstance(ending, KeyboardInterrupt):
        raise ending
    if ending:
        print(printable(f"psg predict: error: {ending}"), file=sys.stderr)
    return 1 if unreadable or ending else 0


Outputs = tuple[GraphFile | None, AnnotatedOutput | None]


def _outputs(args: argparse.Namespace, media: Media, stack: ExitStack) -> Outputs:
    if args.json and str(args.json) != "-":
        check_not_input(args.json, media.path)
    if args.json and args.annotated and args.json.absolute() == args.annotated.absolute():
        raise ValueError(f"{args.json} cannot hold both graphs and drawings; give two names")
    graphs = GraphFile(args.json, media.is_single) if args.json else None
    drawings = open_annotated(args.annotated, media, args.every) if args.annotated else None
    for output in (graphs, drawings):
        if output:
            stack.enter_context(output)
    return graphs, drawings


def _selected(
    args: argparse.Namespace, media: Media, on_unreadable: OnUnreadable, hidden: bool
) -> Iterator[MediaFrame]:
    """Yield the frames that --every and --frames leave, under a progress bar on a terminal."""
    total = media.num_frames and -(-media.num_frames // args.every)
    total = min(total, args.frames) if total and args.frames else total or args.frames
    last = args.frames and (args.frames - 1) * args.every + 1
    frames = islice(media.frames(on_unreadable), 0, last, args.every)
    quiet = True if hidden or media.is_single else None  # None: only where stderr is a terminal
    return iter(tqdm(frames, total=total, unit=" pictures", leave=False, disable=quiet))


def _report(
    frame: MediaFrame,
    graph: SceneGraph,
    media: Media,
    pipeline: Pipeline,
    args: argparse.Namespace,
    outputs: Outputs,
) -> None:
    graphs, drawings = outputs
    if graphs:
        graphs.write(_record(frame, graph, media, pipeline))
    if drawings:
        drawn = overlay(
            frame.image,
            graph,
            pipeline.vocabulary,
            max_relations=args.drawn_relations,
            track_ids=graph.node_ids,
        )
        drawings.write(frame, drawn)
    if not graphs:
        _print(frame, graph, media, pipeline, args.show)


def _warn(what: str, entries: Sequence[str]) -> None:
    print(printable(f"psg predict: {what}: {shortened(entries)}"), file=sys.stderr)


def _record(
    frame: MediaFrame, graph: SceneGraph, media: Media, pipeline: Pipeline
) -> dict[str, Any]:
    record: dict[str, Any] = {"image": frame.name}
    if media.is_moving:
        record |= {"frame": frame.index, "time_s": round(frame.time_s, 6)}
    if media.kind == "bag":
        record["header"] = _header_record(frame)
    record |= {"model": pipeline.model_name, "backend": pipeline.backend_name}
    return record | graph_record(graph)


def _header_record(frame: MediaFrame) -> dict[str, Any]:
    """Return the header of a recorded image as ROS writes it in JSON: stamp and frame_id."""
    assert frame.stamp_ns is not None
    return {"stamp": stamp_record(frame.stamp_ns), "frame_id": frame.frame_id}


def _print(
    frame: MediaFrame, graph: SceneGraph, media: Media, pipeline: Pipeline, show: int | None
) -> None:
    where = printable(frame.name)
    where += f" {frame.time_s:.2f} s" if media.is_moving else ""
    height, width = graph.segmentation.image_hw
    times = graph.times
    total_ms = times.preprocess_ms + times.inference_ms + times.postprocess_ms
    print(
        f"{where}  {width}x{height}  {counted(len(graph.nodes), 'node')}, "
        f"{counted(len(graph.relations), 'relation')}  "
        f"({pipeline.model_name}, {pipeline.backend_name} on {pipeline.device}, {total_ms:.0f} ms)"
    )
    for relation in graph.relations[: show if show is not None else 20 if media.is_single else 3]:
        print("  " + relation_line(graph, relation))
    if media.is_single and not graph.relations:
        for node in graph.nodes:
            print(f"  {node.class_name} #{node.id}   {node.score:.2f}")
