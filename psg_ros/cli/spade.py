# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Train or evaluate SPADE, an open-vocabulary relation stage based on Stable Diffusion and CLIP.

The config names the folders of the public models (diffusion_model, clip_model), in the layouts of
diffusers and transformers. Stage 1 calibrates the diffusion UNet, stage 2 learns
relations on its features. The result is a folder for the node's parameter spade_model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from psg_ros.cli.options import add_data_options, open_data, positive_int
from psg_ros.data.opening import SPLITS
from psg_ros.files import check_new_folder
from psg_ros.labels import find_vocabulary

USAGE = "{train,evaluate} DATA SPADE [options]"
EXAMPLES = r"""examples:
  psg spade train data/psg models/spade --config spade.yaml --labels psg
  psg spade train data/psg models/new --config new.yaml \
      --calibration models/spade/calibration.safetensors
  psg spade evaluate data/psg models/spade --split val

needs the extras train and open-vocabulary.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg spade`."""
    parser.add_argument("action", choices=("train", "evaluate"))
    parser.add_argument("data", type=Path, metavar="DATA", help="annotated data set (PSG layout)")
    parser.add_argument(
        "spade", type=Path, metavar="SPADE", help="folder to write (train) or to read (evaluate)"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings of SPADE (train only)"
    )
    parser.add_argument("--labels", default="psg", help="vocabulary (default: psg)")
    parser.add_argument(
        "--split", choices=SPLITS, help="split to use (default: train, or val to evaluate)"
    )
    parser.add_argument("--images", type=positive_int, metavar="N", help="only the first N images")
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="output of stage 1 of another run, to skip stage 1",
    )
    parser.add_argument(
        "--maps",
        type=Path,
        default=Path("teacher_maps"),
        metavar="DIR",
        help="keep the teacher's maps here, which take longest (default: teacher_maps)",
    )
    add_data_options(parser)


def run(args: argparse.Namespace) -> int:
    """Train, or evaluate on given masks, and print the figures."""
    try:
        from psg_ros.network.spade.config import SpadeConfig
        from psg_ros.network.spade.stage import SpadeStage
        from psg_ros.setting_files import load_config
        from psg_ros.training.spade.run import evaluate_spade, train_spade
    except ModuleNotFoundError as error:
        raise ImportError(
            f"SPADE needs: pip install '.[train,open-vocabulary]' in the source folder ({error})"
        ) from error
    vocabulary = find_vocabulary(args.labels)
    args.split = args.split or ("train" if args.action == "train" else "val")
    if args.action == "train":
        if args.config is None:
            raise ValueError("psg spade train needs --config, which names the public models")
        check_new_folder(args.spade)
        config = load_config(SpadeConfig, args.config)
        dataset = open_data(args, vocabulary)[: args.images]
        curves = train_spade(
            config, dataset, vocabulary, args.spade, maps=args.maps, calibration=args.calibration
        )
        for name, curve in (("1", curves.calibration), ("2", curves.relations)):
            if curve:
                print(f"stage {name}: loss {curve[0]:.5f} -> {curve[-1]:.5f}, {len(curve)} epochs")
        print(f"wrote {args.spade}")
        return 0
    stage = SpadeStage.open(args.spade)
    scores = evaluate_spade(stage, open_data(args, vocabulary)[: args.images], vocabulary)
    for name, value in scores.items():
        print(f"{name:>8}: {value:5.1f} %")
    return 0
