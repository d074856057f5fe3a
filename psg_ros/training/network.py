# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The network of a run: sizes from its config, those of the segmenter from `psg convert` if it is
what has written the segmenter."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from psg_ros.labels import Vocabulary, find_vocabulary
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.resources import share_path
from psg_ros.setting_files import load_config
from psg_ros.training.config import TrainConfig
from psg_ros.training.segmenter.segmentation_run import WEIGHTS
from psg_ros.training.words import take_words

logger = logging.getLogger(__name__)

CONVERTED_MODEL = "model.yaml"
"""Where `psg convert` says in a run folder what the segmenter beside it is."""


def vocabulary_of(config: TrainConfig) -> Vocabulary:
    """Return the labels and predicates that a config names."""
    return find_vocabulary(config.labels)


def model_file(config: TrainConfig, folder: Path | None = None) -> Path:
    """Return the file with the sizes of the network.

    Args:
        folder: of the run; the file that `psg convert` has put there moves with it.
    """
    if config.model.endswith(".yaml"):
        path = Path(config.model)
        if folder is not None and path == Path(config.out) / CONVERTED_MODEL:
            return folder / CONVERTED_MODEL
        return path
    return share_path() / "config" / "model" / f"{config.model}.yaml"


def model_config(config: TrainConfig, folder: Path | None = None) -> ModelConfig:
    """Return the sizes of the network of a run.

    A converted segmenter has the sizes it was trained with and is fed as it was trained, whatever
    the config says; where they differ there is a warning.

    Args:
        folder: of the run, if it is not (or no longer) `config.out`.

    Raises:
        ValueError: the converted segmenter is of another type than the config's.
    """
    folder = folder or Path(config.out)
    wanted = load_config(ModelConfig, model_file(config, folder))
    path = folder / CONVERTED_MODEL
    if not (path.is_file() and (folder / WEIGHTS).is_file()):
        return wanted
    found = load_config(ModelConfig, path)
    if found.segmenter.type != wanted.segmenter.type:
        raise ValueError(
            f"{path} describes a segmenter of type {found.segmenter.type}, the config asks for "
            f"{wanted.segmenter.type}"
        )
    ours = {name: getattr(wanted.segmenter, name) for name in wanted.segmenter.undecided}
    segmenter = dataclasses.replace(found.segmenter, **ours)
    pairs = {"scaling": (wanted.scaling, found.scaling)}
    for field in dataclasses.fields(segmenter):
        pairs[field.name] = getattr(wanted.segmenter, field.name), getattr(segmenter, field.name)
    if changed := [f"{name} {new}, not {old}" for name, (old, new) in pairs.items() if new != old]:
        logger.warning("the segmenter is as %s says: %s", path, "; ".join(changed))
    return dataclasses.replace(wanted, scaling=found.scaling, segmenter=segmenter)


def build_model(config: TrainConfig, vocabulary: Vocabulary, folder: Path | None = None) -> DsFlash:
    """Return the untrained network of a run; see `model_config`.

    Raises:
        ImportError, ValueError: it compares with words, and their text encoder is not installed, or
            is none.
    """
    sizes = model_config(config, folder)
    model = build_dsflash(sizes, vocabulary.num_labels, vocabulary.num_predicates)
    take_words(model, vocabulary)
    return model
