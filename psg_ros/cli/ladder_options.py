# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The options of `psg benchmark --ladder` and the settings that they stand for."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from psg_ros.backend_table import AUTO
from psg_ros.benchmark.ladder.settings import DTYPES, LadderSettings, RunWeights
from psg_ros.benchmark.ladder.steps import DEPLOYED, Step, choose_steps
from psg_ros.cli.options import positive_int, torch_device
from psg_ros.resources import share_path
from psg_ros.setting_files import load_config

FRAMES = {"cpu": (5, 1), "cuda": (50, 10)}
"""Kind of device -> frames that count, frames before."""
SHARED_OPTIONS = ("threads", "backend", "device", "precision")
"""Options of the pipeline that the ladder takes, too."""
LADDER_OPTIONS: dict[str, dict[str, Any]] = {
    "variant": {"choices": ("s", "b", "l"), "help": "DSFlash-S, -B or -L (default: s)"},
    "model_config": {"type": Path, "metavar": "FILE", "help": "YAML of another network's sizes"},
    "weights": {
        "type": Path,
        "metavar": "RUN",
        "help": "folder of a training run: its sizes, its weights, and the segments it finds",
    },
    "dtype": {"choices": DTYPES, "help": "arithmetic in torch (default: float32)"},
    "masks": {
        "type": positive_int,
        "metavar": "N",
        "help": "segments of the picture, N(N-1)/2 pairs (default: 12)",
    },
    "repeats": {
        "type": positive_int,
        "metavar": "N",
        "help": "measured frames (default: 5, on a GPU 50)",
    },
    "batch": {
        "type": positive_int,
        "metavar": "N",
        "help": "pictures that go through the segmenter together (default: 1)",
    },
    "steps": {"nargs": "+", "metavar": "STEP", "help": "only these rows (default: all in torch)"},
    "deployed": {
        "action": "store_true",
        "help": "add the row of the exported network, run by --backend in --precision",
    },
}


def add_ladder_options(group: argparse._ArgumentGroup) -> None:
    """Add the options; one that is not given leaves no attribute, the settings hold defaults."""
    for name, facts in LADDER_OPTIONS.items():
        flag = "--" + name.replace("_", "-")
        group.add_argument(flag, default=argparse.SUPPRESS, **facts)


def chosen_steps(args: argparse.Namespace) -> tuple[Step, ...]:
    """Return the rows to measure; the deployed one only where it is asked for.

    Raises:
        ValueError: an unknown step.
    """
    names = getattr(args, "steps", [])
    steps = tuple(step for step in choose_steps(names) if names or not step.deployed)
    return (*steps, DEPLOYED) if hasattr(args, "deployed") and DEPLOYED not in steps else steps


def ladder_settings(args: argparse.Namespace) -> LadderSettings:
    """Return the settings that the options stand for.

    Raises:
        FileNotFoundError: no such config, or a folder that is not a finished run.
        ValueError: two networks, or a damaged config.
    """
    direct = ("dtype", "masks", "batch", *SHARED_OPTIONS)
    given = {name: getattr(args, name) for name in direct if hasattr(args, name)}
    given["device"] = torch_device(given.get("device", AUTO))
    repeats, warmup = FRAMES["cpu" if given["device"] == "cpu" else "cuda"]
    return LadderSettings(
        **network_settings(args),
        **given,
        repeats=getattr(args, "repeats", repeats),
        warmup=warmup if args.warmup is None else args.warmup,
        seed=args.seed,
        image="" if args.image is None else str(args.image),
        size_hw=args.size[::-1],
    )


def network_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return which network: its sizes, and of a training run its labels and weights."""
    from psg_ros.network.config import ModelConfig

    networks = [name for name in ("variant", "model_config", "weights") if hasattr(args, name)]
    if len(networks) > 1:
        raise ValueError("choose one of --variant, --model-config and --weights")
    if networks == ["weights"]:
        return run_settings(args.weights)
    shipped = share_path() / "config" / "model" / f"dsflash_{getattr(args, 'variant', 's')}.yaml"
    config = load_config(ModelConfig, getattr(args, "model_config", shipped))
    return {"model": dataclasses.asdict(config)}


def run_settings(folder: Path) -> dict[str, Any]:
    """Return sizes, labels and weights of a run folder of `psg train`."""
    from psg_ros.training import train
    from psg_ros.training.config import TrainConfig
    from psg_ros.training.network import model_config
    from psg_ros.training.relations import relations
    from psg_ros.training.segmenter import segmentation_run

    paths = [
        folder / name for name in (train.CONFIG_COPY, segmentation_run.WEIGHTS, relations.WEIGHTS)
    ]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{folder} is not a finished run: it has no {path.name}")
    config = load_config(TrainConfig, paths[0])
    model = model_config(config, folder)
    weights = RunWeights(segmenter=str(paths[1]), relations=str(paths[2]))
    return {"model": dataclasses.asdict(model), "labels": config.labels, "weights": weights}


def export_deployed(settings: LadderSettings, folder: Path) -> LadderSettings:
    """Write the network of the deployed step into a folder; return settings that name it."""
    from psg_ros.benchmark.ladder.inputs import read_vocabulary
    from psg_ros.benchmark.ladder.measurement import build_step_network
    from psg_ros.config import Recommendation
    from psg_ros.network.dsflash import build_dsflash
    from psg_ros.training.release import write_folder

    vocabulary = read_vocabulary(settings)
    network = build_step_network(DEPLOYED, settings, vocabulary)
    model = build_dsflash(network.config, vocabulary.num_labels, vocabulary.num_predicates)
    model.load_state_dict(network.state_dict())
    write_folder(model, settings.labels, folder, Recommendation())
    return dataclasses.replace(settings, deployed_folder=str(folder))
