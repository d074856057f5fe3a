# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Train a model from the settings in a YAML file: first the segmenter, then the relation stage.

The run folder (`out` in the file) collects checkpoints and results. --resume continues an
interrupted run. `psg export` turns a run into a model folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from psg_ros.cli.options import TRAIN_EXTRA

USAGE = "CONFIG [--resume] [--device DEVICE] [options]"
EXAMPLES = """\
examples:
  psg train config/train/demo.yaml
  psg train config/train/demo.yaml --resume
  psg train config/train/dsflash_s.yaml --device cuda
  psg train config/train/demo.yaml --stage relations     the segmenter of the run is finished
  torchrun --nproc-per-node 4 -m psg_ros train CONFIG --device cuda     on four GPUs

needs the extra train (torch).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg train`."""
    parser.add_argument(
        "config", type=Path, metavar="CONFIG", help="YAML file: model, labels, data, out, ..."
    )
    parser.add_argument(
        "--resume", action="store_true", help="resume from the last checkpoint of the run folder"
    )
    parser.add_argument(
        "--device", default="cpu", help="torch device: cpu, cuda, cuda:1 ... (default: cpu)"
    )
    parser.add_argument(
        "--stage",
        choices=("all", "segmentation", "relations"),
        default="all",
        help="run only one of the two stages; without --resume, relations start over and earlier "
        "results of theirs are removed (default: all)",
    )
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="also write the curves as TensorBoard events (extra tensorboard)",
    )


def run(args: argparse.Namespace) -> int:
    """Train and say what comes next."""
    try:
        from psg_ros.training import train
        from psg_ros.training.distributed import is_main_process
    except ModuleNotFoundError as error:
        raise ImportError(f"training needs: {TRAIN_EXTRA} ({error})") from error
    try:
        folder = train.run(
            args.config,
            resume=args.resume,
            device=args.device,
            stage=args.stage,
            tensorboard=args.tensorboard,
        )
    except FloatingPointError as error:
        raise RuntimeError(f"{error}; try a smaller learning_rate in {args.config}") from error
    if is_main_process():
        print(f"trained: {folder}\nnext: psg export {folder} MODEL_FOLDER")
    return 0
