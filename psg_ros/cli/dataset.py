# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Work on annotated data sets: in PSG layout (psg.json, the competition's files, simulated rooms)
or in COCO's panoptic layout.

check looks for everything that would stop a training or falsify a result: names, entries, files,
overlapping splits. It changes nothing. The others write another annotation file for the same
pictures: select for a vocabulary with fewer classes or with images held out, relate with relations
measured from depth, join for several files together.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from psg_ros.cli import dataset_writing
from psg_ros.cli.actions import add_action, add_actions
from psg_ros.cli.options import add_folder_options, count
from psg_ros.data.annotation_file import SPLITS
from psg_ros.data.checking import DatasetReport, check_dataset, report_lines
from psg_ros.data.opening import find_annotation_file
from psg_ros.data.selection import select
from psg_ros.files import check_not_input, check_writable, write_text
from psg_ros.labels import find_vocabulary, label_folder, load_vocabulary
from psg_ros.machine import cores
from psg_ros.quoting import counted

USAGE = "check DATA | select DATA -o FILE | relate DATA -o FILE | join DATA DATA ... -o FILE"
EXAMPLES = """\
examples:
  psg dataset check rooms --labels simulation
  psg dataset select data/own -o data/own/split.json --labels photo --hold-out 'evening_0000*'
  psg dataset relate nyu -o nyu/measured.json --camera 519 519 325 253 --depth-folder nyu/depth
  psg dataset join data/kitchen/psg.json data/hall/psg.json -o data/both.json

`psg dataset ACTION --help` has more.
"""
CHECK_EXAMPLES = """\
examples:
  psg dataset check rooms --labels simulation
  psg dataset check psg_data/psg.json --image-folder coco --panoptic-folder coco/annotations --fast
  psg dataset check coco/annotations/panoptic_val2017.json --json report.json

exit status 0 if the data set can be used (warnings are printed), 1 if not, 2 if there is none.
"""
CHECK = """\
Look for everything that would stop a training or falsify a figure, and say all of it at once.

Compares the class names with the vocabulary, counts segments and relations of each split, checks
every entry, and opens every picture and PNG. Problems make the data set unusable; warnings do not:
relations that appear twice, images without any. Nothing is changed.
"""

SELECT = """\
Write another annotation file for the same pictures: classes that a vocabulary lacks become void,
and images whose ids fit a pattern become the test split. Data sets of different classes can be
mixed for one training that way. Pictures and PNGs stay where they are; give their folder when the
file is used (--image-folder, --panoptic-folder, or `images` and `panoptic` in a training config).
"""
SELECT_EXAMPLES = """\
examples:
  psg dataset select data/own -o data/own/split.json --labels photo --hold-out 'evening_0000*'
  psg dataset select psg_data/psg.json -o psg_data/rooms.json --labels photo
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `psg dataset`."""
    actions = add_actions(parser)
    check = add_action(
        actions,
        "check",
        _check,
        help="check a data set and report what is wrong",
        usage="DATA [--split SPLIT] [--labels NAME] [options]",
        description=CHECK,
        examples=CHECK_EXAMPLES,
    )
    _add_check_arguments(check)
    chosen = add_action(
        actions,
        "select",
        _select,
        help="write an annotation file with fewer classes, or with images held out",
        usage="DATA -o FILE [--labels NAME] [--hold-out PATTERN ...]",
        description=SELECT,
        examples=SELECT_EXAMPLES,
    )
    _add_select_arguments(chosen)
    dataset_writing.add_relate(actions)
    dataset_writing.add_join(actions)


def run(args: argparse.Namespace) -> int:
    """Run the chosen subcommand."""
    status: int = args.act(args)
    return status


def _add_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="annotation file (JSON), or a folder with one"
    )
    parser.add_argument("--split", choices=SPLITS, help="check only this split (default: all)")
    parser.add_argument(
        "--labels",
        default="psg",
        metavar="NAME",
        help="vocabulary: a name in config/labels or a YAML file (default: psg)",
    )
    add_folder_options(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the whole report as JSON")
    parser.add_argument(
        "--workers",
        type=count,
        default=cores(),
        metavar="N",
        help="number of decoding processes; 0: none besides this one (default: one per core)",
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="check that all files exist, but decode only 100 images per split",
    )


def _add_select_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="annotation file in PSG's layout, or its folder"
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="file to write"
    )
    parser.add_argument(
        "--labels",
        default="psg",
        metavar="NAME",
        help="vocabulary to keep: a name in config/labels or a YAML file (default: psg)",
    )
    parser.add_argument(
        "--hold-out",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="image ids of the new test split, e.g. 'nyu_09*'; all others are for training",
    )


def _select(args: argparse.Namespace) -> int:
    check_writable(args.out)
    path = find_annotation_file(args.data)
    check_not_input(args.out, path)
    chosen = select(path, find_vocabulary(args.labels), args.hold_out)
    write_text(args.out, json.dumps(chosen.content))
    dropped = ", ".join(f"{name} {count}" for name, count in chosen.dropped.most_common())
    images = counted(len(chosen.content["data"]), "image")
    print(f"{args.out}: {images}, {chosen.num_held_out} held out")
    print(f"now void: {dropped or 'nothing'}")
    return 0


def _check(args: argparse.Namespace) -> int:
    if args.json:
        check_writable(args.json)
        check_not_input(args.json, find_annotation_file(args.data, args.split))
    report = check_dataset(
        args.data,
        find_vocabulary(args.labels),
        split=args.split,
        images=args.image_folder,
        panoptic=args.panoptic_folder,
        fast=args.fast,
        workers=args.workers,
        vocabulary_name=args.labels,
    )
    print("\n".join(report_lines(report, color=sys.stdout.isatty())))
    if any(names.unknown for names in report.names):
        print(_labels_hint(report))
    if args.json:
        write_text(args.json, report.to_json() + "\n")
    return 1 if report.problems else 0


def _labels_hint(report: DatasetReport) -> str:
    """Name the vocabularies that know all names of the file."""
    fitting = []
    for file in sorted(label_folder().glob("*.yaml")):
        vocabulary = load_vocabulary(file)
        known = {"labels": vocabulary.label_names, "predicates": vocabulary.predicate_names}
        if all(set(names.names) <= set(known[names.kind]) for names in report.names):
            fitting.append(f"--labels {file.stem}")
    return (
        f"fitting: {', '.join(fitting)}" if fitting else "no vocabulary here knows all these names"
    )
