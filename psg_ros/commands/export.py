# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn a finished training run into a model folder: manifest, labels and ONNX files.

The folder is all that `psg predict`, `psg evaluate` and the ROS node need; they never see torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from psg_ros.commands.options import share

USAGE = "RUN OUT [options]"
EXAMPLES = """\
examples:
  psg export runs/demo models/mine
  psg export runs/demo models/mine --score 0.6 --relation 0.2
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
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished training run")
    parser.add_argument("out", type=Path, metavar="OUT", help="model folder to write")
    for name, meaning in THRESHOLDS.items():
        parser.add_argument(
            f"--{name}",
            type=share,
            metavar="X",
            help=f"{meaning} (0 to 1) that the manifest recommends to users of the model",
        )


def run(args: argparse.Namespace) -> int:
    """Export and say how to try the result."""
    try:
        from psg_ros.training.release import Thresholds, export_model
    except ModuleNotFoundError as error:
        raise ImportError(f"exporting needs: pip install 'psg-ros[train]' ({error})") from error
    given = {name: getattr(args, name) for name in THRESHOLDS}
    thresholds = {name: value for name, value in given.items() if value is not None}
    export_model(args.run, args.out, Thresholds(**thresholds))
    print(f"wrote {args.out}\nnext: psg predict IMAGE --model {args.out}")
    return 0
