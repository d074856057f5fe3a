# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Train or evaluate SPADE, an open-vocabulary relation stage based on Stable Diffusion and CLIP.

The config names the folders of the public models (diffusion_model, clip_model), in the layouts of
diffusers and transformers. Stage 1 calibrates the diffusion UNet, stage 2 learns relations on its
features. The result is a folder for the node's parameter spade_model.

evaluate judges as `psg evaluate` does: relations on the true masks (PredCls) where SPADE was
trained with mask_source external, everything (SGDet) where it finds its own masks.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from psg_ros.cli.actions import add_action, add_actions
from psg_ros.cli.judging import Judged, add_judging_options, check_targets, judge, say
from psg_ros.cli.options import add_data_options, open_data, positive_int
from psg_ros.data.opening import SPLITS
from psg_ros.files import check_new_folder
from psg_ros.labels import Vocabulary, find_vocabulary
from psg_ros.open_set import novel_indices

if TYPE_CHECKING:
    from psg_ros.network.spade.stage import SpadeStage

USAGE = "train DATA SPADE --config FILE [options] | evaluate DATA SPADE [options]"
EXAMPLES = r"""examples:
  psg spade train data/psg models/spade --config spade.yaml --labels psg
  psg spade train data/psg models/new --config new.yaml \
      --calibration models/spade/calibration.safetensors
  psg spade evaluate data/psg models/spade --split val
  psg spade evaluate data/psg models/spade_ovr --open-set ovr --json ovr.json --markdown ovr.md

needs the extras train and open-vocabulary.
"""
TRAIN = """\
Train SPADE on annotated pictures and write a folder for the node's parameter spade_model. Stage 1
makes the teacher's maps, which takes longest; they stay in --maps, and another run reads them.
"""
TRAIN_EXAMPLES = r"""examples:
  psg spade train data/psg models/spade --config spade.yaml --labels psg
  psg spade train data/psg models/new --config new.yaml \
      --calibration models/spade/calibration.safetensors
"""
EVALUATE = """\
Measure SPADE as `psg evaluate` measures a model: relations on the true masks (PredCls) where it was
trained with mask_source external, everything (SGDet) where it finds its own masks.
"""
EVALUATE_EXAMPLES = """\
examples:
  psg spade evaluate data/psg models/spade --split val
  psg spade evaluate data/psg models/spade_ovr --open-set ovr --json ovr.json --markdown ovr.md
"""
MUST_HIDE = {"ovr": ("predicates",), "ovdr": ("labels", "predicates")}
"""What a training may not have seen the novel names of, by protocol."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `psg spade`."""
    actions = add_actions(parser)
    train = add_action(
        actions,
        "train",
        _train,
        help="train both stages, write a folder",
        usage="DATA SPADE --config FILE [options]",
        description=TRAIN,
        examples=TRAIN_EXAMPLES,
    )
    _add_places(train, "folder to write", "train", "to train on")
    train.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="YAML: diffusion_model, clip_model, and what differs from the defaults",
    )
    train.add_argument("--images", type=positive_int, metavar="N", help="only the first N images")
    train.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="leave out stage 1: its result, calibration.safetensors, from another run",
    )
    train.add_argument(
        "--maps",
        type=Path,
        default=Path("teacher_maps"),
        metavar="DIR",
        help="keep the teacher's maps here, which take longest (default: teacher_maps)",
    )
    evaluate = add_action(
        actions,
        "evaluate",
        _evaluate,
        help="measure a folder that train has written",
        usage="DATA SPADE [options]",
        description=EVALUATE,
        examples=EVALUATE_EXAMPLES,
    )
    _add_places(evaluate, "folder to read", "val", "to evaluate on")
    add_judging_options(evaluate)
    for action in (train, evaluate):
        add_data_options(action)


def run(args: argparse.Namespace) -> int:
    """Run the chosen subcommand."""
    try:
        import psg_ros.training.spade.run  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(
            f"SPADE needs: pip install '.[train,open-vocabulary]' in the source folder ({error})"
        ) from error
    status: int = args.act(args)
    return status


def _add_places(parser: argparse.ArgumentParser, folder: str, split: str, use: str) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="annotated data set (PSG layout)")
    parser.add_argument("spade", type=Path, metavar="SPADE", help=folder)
    parser.add_argument(
        "--labels",
        default="psg",
        metavar="NAME",
        help="vocabulary: a name in config/labels or a YAML file (default: psg)",
    )
    parser.add_argument(
        "--split", choices=SPLITS, default=split, help=f"split {use} (default: {split})"
    )


def _train(args: argparse.Namespace) -> int:
    from psg_ros.network.spade.config import SpadeConfig
    from psg_ros.setting_files import load_config
    from psg_ros.training.spade.run import train_spade

    if args.config is None:
        raise ValueError("psg spade train needs --config, which names the public models")
    check_new_folder(args.spade)
    config, vocabulary = load_config(SpadeConfig, args.config), find_vocabulary(args.labels)
    dataset = open_data(args, vocabulary)
    dataset = replace(dataset, records=dataset.records[: args.images])
    curves = train_spade(
        config, dataset, vocabulary, args.spade, maps=args.maps, calibration=args.calibration
    )
    for name, curve in (("1", curves.calibration), ("2", curves.relations)):
        if curve:
            print(f"stage {name}: loss {curve[0]:.5f} -> {curve[-1]:.5f}, {len(curve)} epochs")
    print(f"wrote {args.spade}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from psg_ros.file_digest import file_sha256
    from psg_ros.network.spade.stage import NETWORK, SpadeStage
    from psg_ros.training.spade.evaluation import from_spade, task_of

    check_targets(args)
    vocabulary = find_vocabulary(args.labels)
    stage, dataset = SpadeStage.open(args.spade), open_data(args, vocabulary)
    config = stage.network.config
    facts = {
        "name": str(args.spade),
        "model_sha256": file_sha256(args.spade / NETWORK),
        "backend": "torch",
        "precision": "fp32",
        "scaling": f"to a square of {config.image_size} px",
        "mask_source": config.mask_source,
        "held_out_labels": config.held_out_labels,
        "held_out_predicates": config.held_out_predicates,
    }
    if args.open_set:
        say(_seen_novel_names(args.open_set, stage, vocabulary))
    judge(args, Judged(from_spade(stage, vocabulary), vocabulary, task_of(stage), facts), dataset)
    return 0


def _seen_novel_names(protocol: str, stage: SpadeStage, vocabulary: Vocabulary) -> list[str]:
    """Return sentences on why the figures are not those of a protocol."""
    sentences = []
    for kind in MUST_HIDE.get(protocol, ()):
        names, trained = (
            (vocabulary.label_names, stage.trained.objects)
            if kind == "labels"
            else (vocabulary.predicate_names, stage.trained.predicates)
        )
        seen = [names[index] for index in novel_indices(names) if names[index] in trained]
        if seen:
            sentences.append(
                f"not the protocol {protocol}: this SPADE was trained with {len(seen)} of the "
                f"novel {kind} (such as {seen[0]!r}); train one with held_out_{kind}: novel"
            )
    return sentences
