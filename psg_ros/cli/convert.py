# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn public weights into ours: a segmenter to train relations for, or relations from REACT++.

SOURCE is one of:
  EoMT         a file from the authors' code (.bin; for DINOv3 it holds differences only and needs
               --backbone), or from LightlyTrain (.pt)
  Mask2Former, PRO-SCALE, YOSO    a file from the authors' code (.pkl, .pth)
  EoMT, Mask2Former    a folder with config.json and model.safetensors, as transformers writes it,
               or the name of such a model on the hub (owner/name)
Sizes are read from the weights; whatever does not fit is refused. Nothing in a file is executed.

OUT becomes a run folder like that of a first training stage: segmenter.safetensors, its sizes in
model.yaml, and relations.yaml with settings for the second stage. Public segmenters have no
relation stage: train one, or use --export to try the segments alone.

With --segmenter MODEL, SOURCE is an ONNX file of REACT++, which finds boxes and relates them. OUT
becomes a model folder: MODEL's segments, with the relations of the boxes that match them.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from psg_ros.backend_table import AUTO
from psg_ros.cli.export import add_merge_ratio
from psg_ros.cli.options import TRAIN_EXTRA
from psg_ros.cli.targets import check_folder
from psg_ros.network.checkpoints import react

USAGE = """\
SOURCE OUT [--backbone SOURCE] [--labels NAME] [--export FOLDER] [options]
       psg convert REACT.onnx OUT --segmenter MODEL [--min-iou X]"""
EXAMPLES = """\
examples:
  psg convert tue-mps/coco_panoptic_eomt_small_640_2x runs/eomt_s --export models/eomt_s
  psg convert eomt_small_640_dinov3.bin runs/eomt_s --backbone dinov3-vits16/model.safetensors
  psg convert my_training.ckpt runs/mine --labels mine
  psg convert facebook/mask2former-swin-tiny-coco-panoptic runs/m2f --input-size 640x480
  psg predict photo.jpg --model models/eomt_s
  psg train runs/eomt_s/relations.yaml --stage relations   after setting `data` in that file
  psg convert react_pp_yolo12m.onnx models/related --segmenter lightly_s

needs the extra train (torch); hub names need the extra hub. `psg models get` does all of this for
the public models that it knows. --segmenter needs ONNX Runtime and no torch.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg convert`."""
    parser.add_argument("source", metavar="SOURCE", help="file, folder or hub name, see above")
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="run folder to write; with --segmenter, model folder"
    )
    parser.add_argument(
        "--segmenter",
        metavar="MODEL",
        help="model whose segments get the relations of SOURCE, a REACT++ file",
    )
    parser.add_argument(
        "--min-iou",
        type=float,
        metavar="X",
        help="with --segmenter: box overlap (intersection over union) from which a box and a "
        f"segment with the same label may be the same thing (default: {react.MIN_IOU})",
    )
    parser.add_argument(
        "--backbone",
        metavar="SOURCE",
        help="original DINOv3 weights, in transformers' layout or their own, for a checkpoint that "
        "holds differences from them",
    )
    parser.add_argument(
        "--labels",
        metavar="NAME",
        help="the checkpoint's labels: a name in config/labels; psg also fits COCO panoptic "
        "(default: psg)",
    )
    parser.add_argument(
        "--input-size",
        type=input_size,
        metavar="PX",
        help="side of a square input, if the checkpoint leaves the choice: a multiple of 16 for "
        "EoMT on DINOv3 (default: what config.json says, else 640), of 32 for Mask2Former, "
        "PRO-SCALE and YOSO, which also take WIDTHxHEIGHT (default: 1344x800)",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FOLDER",
        help="also write a model folder without a relation stage; geometry relates its segments",
    )
    add_merge_ratio(parser, "of the model that --export writes; default: off")


def input_size(text: str) -> tuple[int, int]:
    """Return (height, width) in px of what is written as PX or WIDTHxHEIGHT."""
    if not re.fullmatch(r"[1-9]\d{0,4}(x[1-9]\d{0,4})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is neither PX nor WIDTHxHEIGHT")
    numbers = [int(number) for number in text.split("x")]
    return numbers[-1], numbers[0]


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was found, what was assumed and what comes next."""
    return _convert(args) if args.segmenter is None else _join(args)


def _join(args: argparse.Namespace) -> int:
    for option in ("backbone", "labels", "input_size", "export", "merge_ratio"):
        if getattr(args, option) is not None:
            name = option.replace("_", "-")
            raise ValueError(f"--{name} is for segmenters; with --segmenter leave it out")
    check_folder(args.out)
    min_iou = react.MIN_IOU if args.min_iou is None else args.min_iou
    joined = react.join(Path(args.source), args.segmenter, args.out, min_iou)
    for what, (known, shared), strange in (
        ("labels", joined.labels, joined.strange_labels),
        ("predicates", joined.predicates, joined.strange_predicates),
    ):
        print(f"{what}: {shared} of {known} are known to {args.segmenter}")
        if strange:
            print(f"left out, unknown {what}: {', '.join(strange)}", file=sys.stderr)
    if joined.backend != AUTO:
        print(f"runs on {joined.backend} only: no other backend here loads {args.source}")
    print(f"wrote {args.out}")
    print(f"next: psg predict IMAGE --model {args.out}")
    return 0


def _convert(args: argparse.Namespace) -> int:
    if args.min_iou is not None:
        raise ValueError("--min-iou belongs to --segmenter")
    if args.source.lower().endswith(".onnx"):
        raise ValueError(
            f"{args.source} is an ONNX file; one of REACT++ needs --segmenter MODEL beside it"
        )
    labels = "psg" if args.labels is None else args.labels
    try:
        from psg_ros.network.checkpoints.convert import convert
        from psg_ros.training.adopted import check_free, export_segments, write_run
        from psg_ros.training.release import check_switch
    except ModuleNotFoundError as error:
        raise ImportError(f"converting needs: {TRAIN_EXTRA} ({error})") from error
    if args.merge_ratio is not None and not args.export:
        raise ValueError("--merge-ratio belongs to the model that --export writes")
    for folder in filter(None, (args.out, args.export)):
        check_folder(folder)
    check_free(args.out)
    converted = convert(args.source, backbone=args.backbone, input_hw=args.input_size)
    print(converted.summary())
    if converted.assumed:
        print(f"assumed: {converted.assumed}", file=sys.stderr)
    if args.merge_ratio is not None:
        # Refuses what cannot be while nothing is written: a run folder is written only once.
        check_switch(converted.config, "merge_ratio", args.merge_ratio)
    # The export first: it is what may fail, and then no run folder may be left behind.
    if args.export:
        export_segments(converted, args.export, labels, args.merge_ratio)
    folder = write_run(converted, args.out, labels)
    print(f"wrote {folder}")
    if args.export:
        print(f"wrote {args.export}")
        print(f"next: psg predict IMAGE --model {args.export}")
    print(f"next: set `data` in {folder}/relations.yaml, then")
    print(f"      psg train {folder}/relations.yaml --stage relations")
    return 0
