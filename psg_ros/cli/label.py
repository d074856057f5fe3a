# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Let a large model, or several small ones combined, label pictures to train your own model with.

The output folder is a training set in PSG's layout: images/, panoptic/, psg.json, and labels.yaml
with its classes. Every segment has the teacher's score. Where the score is low, the picture is
void, and a training with `ignore_void: true` learns nothing there. Look at contact_sheet.jpg before
you train: dark areas are void.

An interrupted run continues when you give the same command again, and ends with the same files.
Another source into the same folder adds its pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from psg_ros.cli.options import (
    add_config_options,
    add_pipeline_options,
    config_of,
    count,
    picture_config,
    pipeline_config,
    positive_float,
    positive_int,
)
from psg_ros.cli.targets import check_folder
from psg_ros.config import DoubtConfig, PictureConfig, TeacherConfig
from psg_ros.files import printable
from psg_ros.labelling.contact_sheet import SHEET_FILE
from psg_ros.labelling.journal import Journal
from psg_ros.labelling.judgement import Judge, read_renamed
from psg_ros.labelling.run import (
    Selection,
    Summary,
    finish,
    label_frames,
    settings_of,
)
from psg_ros.labelling.teacher import Teacher, is_recipe, open_teacher
from psg_ros.labels import find_vocabulary
from psg_ros.media import Media, MediaError, MediaFrame, open_media, shortened
from psg_ros.quoting import counted

USAGE = "SOURCE --teacher MODEL -o DIR [options]"
EXAMPLES = """\
examples:
  psg label kitchen.mp4 --teacher models/big -o data/kitchen --seconds 1
  psg label recording_bag --teacher models/big -o data/kitchen --topic /camera/image_raw --every 15
  psg label photos --teacher models/big --labels photo -o data/home
  psg label photos --teacher config/teachers/three_small_nets.yaml --nets nets -o data/home
  psg dataset check data/home --labels data/home/labels.yaml
"""
COMPOSITE_OPTIONS = ("backend", "threads", "precision")
"""Of the options of a pipeline, those that concern a composite teacher."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg label`."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="image file, folder of images, video file, camera (/dev/videoN) or rosbag2",
    )
    parser.add_argument(
        "--teacher",
        required=True,
        metavar="MODEL",
        help="a folder name below models/, the path of a model folder, or the recipe of a "
        "composite teacher (.yaml; see config/teachers)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="DIR", help="folder of the training set"
    )
    parser.add_argument(
        "--nets", type=Path, metavar="FOLDER", help="where the networks of a recipe lie"
    )
    _add_selection(parser)
    _add_labels(parser)
    add_config_options(parser, DoubtConfig, title="doubt")
    add_config_options(parser, PictureConfig, title="pictures")
    add_pipeline_options(parser, without=("model",), kind=TeacherConfig)


def run(args: argparse.Namespace) -> int:
    """Label, write the data set, and say what to do next."""
    check_folder(args.out)
    media = open_media(args.source, args.topic, picture_config(args).max_megapixels)
    _check(args, media)
    teacher = _open_teacher(args)
    try:
        return _label(args, media, teacher)
    finally:
        teacher.close()


def _label(args: argparse.Namespace, media: Media, teacher: Teacher) -> int:
    if args.relations and not teacher.relates:
        raise ValueError(f"{teacher.model_name} finds no relations; leave --relations out")
    wanted = find_vocabulary(args.labels) if args.labels else teacher.vocabulary
    renamed = read_renamed(args.rename) if args.rename else {}
    doubt = DoubtConfig(0.0, 0.0) if args.keep_doubtful else config_of(args, DoubtConfig)
    judge = Judge(wanted, teacher.vocabulary, doubt, renamed, with_relations=args.relations)
    journal = Journal(args.out, settings_of(teacher, judge, doubt, renamed, args.relations))
    unreadable: list[str] = []
    summary, ending = Summary(), None
    frames = _frames(args, media, unreadable)
    try:
        label_frames(frames, media, teacher, judge, journal, args.out, summary)
    except MediaError as error:
        if not journal.entries:
            raise
        ending = error  # what came before is good
    except KeyboardInterrupt:
        _say(f"{counted(len(journal.entries), 'picture')} done; the same command continues")
        raise
    if unreadable and not journal.entries:
        raise MediaError(f"no picture can be read: {shortened(unreadable)}")
    finish(args.out, journal, wanted, args.sheet)
    _report(args, summary, [*media.left_out, *unreadable])
    if ending:
        _say(f"error: {ending}")
    return 1 if unreadable or ending else 0


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which pictures")
    group.add_argument(
        "--every", type=positive_int, default=1, metavar="N",
        help="take only every Nth picture (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--seconds", type=positive_float, default=0.0, metavar="S",
        help="for a video, bag or camera: take pictures at least S seconds apart",
    )  # fmt: skip
    group.add_argument(
        "--frames", type=positive_int, metavar="N",
        help="stop after N pictures; without it the same command later does the rest",
    )  # fmt: skip
    group.add_argument("--topic", default="", help="image topic, if a bag has several")


def _add_labels(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("labels")
    group.add_argument(
        "--labels", metavar="NAME",
        help="vocabulary of the training set: a name in config/labels or a YAML file; other names "
        "of the teacher become void (default: the teacher's vocabulary)",
    )  # fmt: skip
    group.add_argument(
        "--rename", type=Path, metavar="FILE",
        help="YAML mapping of the teacher's names to those of the vocabulary, or null for void",
    )  # fmt: skip
    group.add_argument(
        "--relations", action="store_true", help="also write the teacher's relations"
    )
    group.add_argument(
        "--keep-doubtful", action="store_true",
        help="keep every segment, however doubtful: to measure a teacher, not to train",
    )  # fmt: skip
    group.add_argument(
        "--sheet", type=count, default=24, metavar="N",
        help=f"draw N of the pictures into {SHEET_FILE}; 0: none (default: 24)",
    )  # fmt: skip


def _check(args: argparse.Namespace, media: Media) -> None:
    """Raise ValueError for options that do not fit the source or each other."""
    if media.is_endless and args.frames is None:
        raise ValueError(f"{media.path} is a camera and never ends: give --frames N")
    if args.seconds and not media.is_moving:
        raise ValueError(f"{media.path} has no clock: --seconds is for videos, cameras and bags")
    given = [name for name in ("thing_score", "stuff_score") if name in args]
    if args.keep_doubtful and given:
        raise ValueError(f"--keep-doubtful keeps all; leave --{given[0].replace('_', '-')} out")
    if Path(media.path).absolute() == args.out.absolute():
        raise ValueError(f"{args.out} is the input; the training set needs a folder of its own")


def _open_teacher(args: argparse.Namespace) -> Teacher:
    config = pipeline_config(args, TeacherConfig)
    if is_recipe(args.teacher):
        others = [n for n in vars(config) if n in args and n not in COMPOSITE_OPTIONS]
        if others:
            name = others[0].replace("_", "-")
            raise ValueError(f"--{name} is for a model folder; the recipe decides for a composite")
    elif args.nets:
        raise ValueError(f"--nets is for the recipe of a composite, {args.teacher} is a model")
    return open_teacher(args.teacher, config, nets=args.nets, careful=not args.keep_doubtful)


def _frames(args: argparse.Namespace, media: Media, unreadable: list[str]) -> Iterator[MediaFrame]:
    """Yield the chosen frames under a progress bar on a terminal."""
    selection = Selection(args.every, args.seconds, args.frames)
    total = media.num_frames and -(-media.num_frames // args.every)
    if media.num_frames and total and args.seconds and media.rate_hz:
        total = min(total, int(media.num_frames / media.rate_hz / args.seconds) + 1)
    total = min(total, args.frames) if total and args.frames else total or args.frames
    frames = selection.of(media, unreadable.append)
    return iter(tqdm(frames, total=total, unit=" pictures", leave=False, disable=None))


def _report(args: argparse.Namespace, summary: Summary, left_out: Sequence[str]) -> None:
    pictures = counted(summary.num_new, "picture")
    print(f"labelled {pictures}, {counted(summary.num_segments, 'segment')}")
    if summary.num_old:
        print(f"there already: {counted(summary.num_old, 'picture')}")
    if summary.num_empty:
        print(f"left out, nothing in them is sure: {counted(summary.num_empty, 'picture')}")
    if summary.num_doubtful:
        print(f"doubtful, now void: {counted(summary.num_doubtful, 'segment')}")
    if summary.unnamed:
        names = [f"{name} {number}" for name, number in summary.unnamed.most_common()]
        print(f"not in the vocabulary, void: {shortened(names, 8)}")
    if left_out:
        _say(f"{len(left_out)} left out, unreadable or no pictures: {shortened(left_out)}")
    if args.sheet:
        print(printable(f"look at: {args.out / SHEET_FILE}"))
    labels = args.labels or args.out / "labels.yaml"
    print(printable(f"next: psg dataset check {args.out} --labels {labels}"))


def _say(text: str) -> None:
    print(printable(f"psg label: {text}"), file=sys.stderr)
