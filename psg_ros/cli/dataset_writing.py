# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`psg dataset relate` and `psg dataset join`: annotation files made from others."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tqdm import tqdm

from psg_ros.cli.actions import add_action
from psg_ros.data.annotation_file import read_json
from psg_ros.data.joining import join
from psg_ros.data.measured_relations import Certainty, DepthCamera, Measured, measure_relations
from psg_ros.data.opening import find_annotation_file
from psg_ros.data.psg import count_held_out
from psg_ros.files import check_not_input, check_writable, write_text
from psg_ros.labels import find_vocabulary
from psg_ros.quoting import counted

RELATE = """\
Write another annotation file whose relations are measured: from the masks, the depth image that an
entry names by depth_file_name (PNG, 16 bit), and the camera. A relation that geometry shows clearly
is written down; a pair of which it does not tell becomes doubtful and is no example of "no
relation" in training. Relations of the old file are replaced.

The words are over, in front of, beside, on, in, attached to, hanging from, and standing on or lying
on for what mostly does; those that the vocabulary lacks are left out.
"""
RELATE_EXAMPLES = """\
examples:
  psg dataset relate data/own -o data/own/measured.json --labels photo --camera 615 615 320 240
  psg dataset relate nyu -o nyu/measured.json --camera 519 519 325 253 --depth-folder nyu/depth
"""
JOIN = """\
Write one annotation file with the images of several, which must have the same classes (psg dataset
select). Pictures stay where they are: the new file names them relative to its own folder, which
must be above them.
"""
JOIN_EXAMPLES = """\
examples:
  psg dataset join data/kitchen/psg.json data/hall/psg.json -o data/both.json
  psg dataset join data/a.json data/b.json -o data/both.json --folders data/coco data/robot
"""


def add_relate(actions: Any) -> None:
    """Add the subcommand `relate`."""
    parser = add_action(
        actions,
        "relate",
        relate,
        help="write an annotation file with relations measured from depth",
        usage="DATA -o FILE --camera FX FY CX CY [options]",
        description=RELATE,
        examples=RELATE_EXAMPLES,
    )
    certainty, camera = Certainty(), DepthCamera.unit_m
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="annotation file in PSG's layout, or its folder"
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="file to write"
    )
    parser.add_argument(
        "--camera",
        type=float,
        nargs=4,
        required=True,
        metavar=("FX", "FY", "CX", "CY"),
        help="focal lengths and principal point, in px of the pictures",
    )
    parser.add_argument(
        "--labels",
        default="psg",
        metavar="NAME",
        help="vocabulary: a name in config/labels or a YAML file (default: psg)",
    )
    parser.add_argument(
        "--panoptic-folder", type=Path, metavar="DIR", help="folder of the PNGs (default: searched)"
    )
    parser.add_argument(
        "--depth-folder",
        type=Path,
        metavar="DIR",
        help="folder of the depth images (default: the same)",
    )
    parser.add_argument(
        "--depth-unit",
        type=float,
        default=camera,
        metavar="M",
        help="metres per unit of a depth image, in which 0 means unknown (default: %(default)s)",
    )
    parser.add_argument(
        "--known",
        type=float,
        default=certainty.known,
        metavar="C",
        help="clarity in 0..1 from which a relation is written (default: %(default)s)",
    )
    parser.add_argument(
        "--doubtful",
        type=float,
        default=certainty.doubtful,
        metavar="C",
        help="clarity from which a pair is doubtful (default: %(default)s)",
    )


def add_join(actions: Any) -> None:
    """Add the subcommand `join`."""
    parser = add_action(
        actions,
        "join",
        join_files,
        help="write one annotation file with the images of several",
        usage="DATA DATA ... -o FILE [--folders DIR DIR ...]",
        description=JOIN,
        examples=JOIN_EXAMPLES,
    )
    parser.add_argument(
        "data", type=Path, nargs="+", metavar="DATA", help="annotation files in PSG's layout"
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="file to write"
    )
    parser.add_argument(
        "--folders",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folder of each file's pictures and PNGs, in the same order (default: searched near "
        "the files)",
    )


def relate(args: argparse.Namespace) -> int:
    """Run `psg dataset relate`."""
    check_writable(args.out)
    path = find_annotation_file(args.data)
    check_not_input(args.out, path)
    fx, fy, cx, cy = args.camera
    steps = measure_relations(
        path,
        find_vocabulary(args.labels),
        DepthCamera(fx, fy, cx, cy, args.depth_unit),
        certainty=Certainty(args.known, args.doubtful),
        panoptic=args.panoptic_folder,
        depth=args.depth_folder,
    )
    num_images = len(read_json(path).get("data", []))
    measured: Measured | None = None
    for state in tqdm(steps, total=num_images, unit=" images", leave=False, disable=None):
        measured = state
    if measured is None:
        raise ValueError(f"{path} has no images")
    write_text(args.out, json.dumps(measured.content))
    found = ", ".join(f"{name} {count}" for name, count in measured.relations.most_common())
    print(f"{args.out}: {counted(len(measured.content['data']), 'image')}")
    print(f"relations: {found or 'none'}; doubtful pairs: {measured.num_doubtful}")
    return 0


def join_files(args: argparse.Namespace) -> int:
    """Run `psg dataset join`."""
    check_writable(args.out)
    if args.folders and len(args.folders) != len(args.data):
        raise ValueError(
            f"--folders must name one for each of the {len(args.data)} files, not "
            f"{len(args.folders)}"
        )
    paths = [find_annotation_file(path) for path in args.data]
    for path in paths:
        check_not_input(args.out, path)
    content = join(paths, args.out, args.folders)
    write_text(args.out, json.dumps(content))
    images = counted(len(content["data"]), "image")
    print(f"{args.out}: {images}, {count_held_out(content)} held out")
    return 0
