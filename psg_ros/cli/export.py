# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn a training run into a model folder: manifest, labels and one or two ONNX files.

The folder is all that `psg predict`, `psg evaluate` and the ROS node need; they do not use torch.
An unfinished run can be exported once both stages have weights; a warning says how far it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from psg_ros.cli.options import TRAIN_EXTRA, positive_int, share
from psg_ros.config import RECOMMENDED, RELATION_SOURCES
from psg_ros.robot.manifest import FILE_PRECISIONS

USAGE = "RUN OUT [options]"
EXAMPLES = """\
examples:
  psg export runs/demo models/mine
  psg export runs/demo models/mine --score 0.6 --relation 0.2
  psg export runs/demo models/fast --prune --merge-ratio 0.4
  psg export runs/demo models/segments --segmenter-only
  psg export runs/demo models/on_gpu --fused 24 --precision fp16
  psg predict photo.jpg --model models/mine

needs the extra train (torch, onnx, onnxscript).
"""

THRESHOLDS = {
    "score": "class score below which a segment is dropped",
    "overlap": "share of its own mask that a segment must win",
    "relation": "score below which a relation is not listed",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg export`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a training run")
    parser.add_argument("out", type=Path, metavar="OUT", help="model folder to write")
    for name, meaning in THRESHOLDS.items():
        parser.add_argument(
            f"--{name}",
            type=share,
            metavar="X",
            help=f"{meaning} (0 to 1) that the manifest recommends",
        )

    add_switches(parser, "default: as it was trained")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--segmenter-only",
        action="store_true",
        help="write segments without learned relations; the run needs no relation stage",
    )
    form.add_argument(
        "--fused",
        type=positive_int,
        metavar="N",
        help="write one network instead of two, for at most N segments: on a GPU, no data goes to "
        "the host in between; slower on a CPU (default: two)",
    )
    parser.add_argument(
        "--relation-source",
        choices=RELATION_SOURCES,
        default=RECOMMENDED.relation_source,
        help="what relates segments if the user does not choose (default: %(default)s: the "
        "relation stage, or geometry if there is none)",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="store weights in float16: half the file size, still computed in float32",
    )
    parser.add_argument(
        "--precision",
        choices=FILE_PRECISIONS,
        default=FILE_PRECISIONS[0],
        help="arithmetic of products; fp16 is for TensorRT, which computes in the types of the "
        "file; normalisation, softmax and the mask product stay in fp32 (default: %(default)s)",
    )


def add_switches(parser: argparse.ArgumentParser, default: str) -> None:
    """Add options that need no other weights; None where not given."""
    add_merge_ratio(parser, default)
    parser.add_argument(
        "--aggregation",
        choices=("cfa", "ifa"),
        help="YOSO only: project maps before (cfa) or after (ifa) enlarging; same result, cfa is "
        f"faster ({default})",
    )
    parser.add_argument(
        "--deformable",
        choices=("grid_sample", "deform_conv"),
        help="YOSO only: operator for deformable convolutions; deform_conv needs a recent ONNX "
        f"Runtime, or TensorRT ({default})",
    )
    parser.add_argument(
        "--prune",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="leave out, per pair, the cells that neither segment overlaps: faster, a little less "
        f"accurate unless it was trained so ({default})",
    )


def add_merge_ratio(parser: argparse.ArgumentParser, default: str) -> None:
    """Add --merge-ratio; None where not given."""
    parser.add_argument(
        "--merge-ratio",
        type=share,
        metavar="X",
        help="share of the patch tokens, 0 to below 1, merged before every attention of the "
        f"segmenter; 0 is off ({default})",
    )


def run(args: argparse.Namespace) -> int:
    """Export and say how to try the result."""
    try:
        from psg_ros.config import Recommendation
        from psg_ros.training.release import Layout, Switches, export_model
    except ModuleNotFoundError as error:
        raise ImportError(f"exporting needs: {TRAIN_EXTRA} ({error})") from error
    given = {name: getattr(args, name) for name in THRESHOLDS}
    recommended = {name: value for name, value in given.items() if value is not None}
    recommended["relation_source"] = args.relation_source
    switches = Switches(args.prune, args.merge_ratio, args.aggregation, args.deformable)
    form = "fused" if args.fused else "segmenter_only" if args.segmenter_only else "two_files"
    layout = Layout(form, args.fused or 0, args.half, args.precision)
    export_model(args.run, args.out, Recommendation(**recommended), switches, layout)
    print(f"wrote {args.out}\nnext: psg predict IMAGE --model {args.out}")
    return 0
