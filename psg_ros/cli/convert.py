# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn a public EoMT checkpoint into ours: a segmenter to train relations on, or to look at.

SOURCE is a file of EoMT's own code (.bin; on DINOv3 it holds differences only and needs
--backbone), one of LightlyTrain (.pt), a folder with config.json and model.safetensors as
transformers writes it, or the name of a model on the hub (owner/name). Sizes are read off the
weights; whatever does not fit is refused. Nothing in a file is executed.

OUT becomes a run folder as after the first stage of training: segmenter.safetensors, its sizes in
model.yaml, and relations.yaml, settings for the second stage. No relation stage comes with a public
segmenter: train one, or use --export to try the segments alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from psg_ros.cli.export import add_merge_ratio
from psg_ros.cli.targets import check_folder

USAGE = "SOURCE OUT [--backbone SOURCE] [--labels NAME] [--export FOLDER] [options]"
EXAMPLES = """\
examples:
  psg convert tue-mps/coco_panoptic_eomt_small_640_2x runs/eomt_s --export models/eomt_s
  psg convert eomt_small_640_dinov3.bin runs/eomt_s --backbone dinov3-vits16/model.safetensors
  psg convert my_training.ckpt runs/mine --labels mine
  psg predict photo.jpg --model models/eomt_s
  psg train runs/eomt_s/relations.yaml --stage relations   after setting `data` in that file

needs the extra train (torch); hub names need the extra hub. `psg models get` does all of this for
the public models that it knows.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg convert`."""
    parser.add_argument("source", metavar="SOURCE", help="file, folder or hub name, see above")
    parser.add_argument("out", type=Path, metavar="OUT", help="run folder to write")
    parser.add_argument(
        "--backbone",
        metavar="SOURCE",
        help="original DINOv3, in transformers' layout or its own, for a checkpoint of differences "
        "from it",
    )
    parser.add_argument(
        "--labels",
        default="psg",
        metavar="NAME",
        help="file of config/labels with the checkpoint's labels; psg is also the order of COCO "
        "panoptic (default: psg)",
    )
    parser.add_argument(
        "--input-size",
        type=int,
        metavar="PX",
        help="side of the square input, a multiple of 16, where the checkpoint leaves the choice "
        "(DINOv3; default: what config.json says, else 640)",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FOLDER",
        help="also write a model folder that finds segments but no relations",
    )
    add_merge_ratio(parser, "of the model that --export writes; default: off")


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was found, what was assumed and what comes next."""
    try:
        from psg_ros.network.checkpoints.convert import convert
        from psg_ros.training.adopted import check_free, export_segments, write_run
    except ModuleNotFoundError as error:
        raise ImportError(
            f"converting needs: pip install '.[train]' in the source folder ({error})"
        ) from error
    if args.merge_ratio is not None and not args.export:
        raise ValueError("--merge-ratio belongs to the model that --export writes")
    for folder in filter(None, (args.out, args.export)):
        check_folder(folder)
    check_free(args.out)
    converted = convert(args.source, backbone=args.backbone, input_px=args.input_size)
    print(converted.summary())
    if converted.assumed:
        print(f"assumed: {converted.assumed}", file=sys.stderr)
    if args.merge_ratio is not None:
        # Refuses what is out of range while nothing is written: a run folder is written only once.
        dataclasses.replace(converted.config, merge_ratio=args.merge_ratio)
    # The export first: it is what may fail, and then no run folder may be left behind.
    if args.export:
        export_segments(converted, args.export, args.labels, args.merge_ratio)
    folder = write_run(converted, args.out, args.labels)
    print(f"wrote {folder}")
    if args.export:
        print(f"wrote {args.export}")
        print(f"next: psg predict IMAGE --model {args.export}")
    print(f"next: set `data` in {folder}/relations.yaml, then")
    print(f"      psg train {folder}/relations.yaml --stage relations")
    return 0
