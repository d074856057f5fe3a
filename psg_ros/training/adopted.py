# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A converted public segmenter -> a run folder to go on from, and a model folder to try.

Nobody has trained a relation stage for it. The run folder is as after the first stage of training;
the model folder is of the form `segmenter_only`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from psg_ros.config import Recommendation
from psg_ros.files import scratch_beside
from psg_ros.labels import Vocabulary, bare_name, find_vocabulary
from psg_ros.network.checkpoints.converted import Converted
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import build_dsflash
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.network import CONVERTED_MODEL
from psg_ros.training.release import Layout, Switches, release, switched
from psg_ros.training.segmenter.segmentation_run import WEIGHTS

SETTINGS_FILE = "relations.yaml"
DEFAULT_DATA = "data/psg"


def model_config(converted: Converted, name: str) -> ModelConfig:
    """Return the sizes of the whole network: the converted segmenter, DSFlash's relation stage."""
    return ModelConfig(name, converted.summary(), converted.scaling, converted.config)


def vocabulary_for(converted: Converted, labels: str) -> Vocabulary:
    """Return the vocabulary config/labels/LABELS.yaml.

    Raises:
        FileNotFoundError: no such file; the message lists those there are.
        ValueError: it has another number of labels than the checkpoint's class head, or another
            order than the checkpoint tells.
    """
    vocabulary = find_vocabulary(labels)
    if vocabulary.num_labels != converted.num_labels:
        raise ValueError(
            f"the checkpoint knows {converted.num_labels} labels, but {labels} has "
            f"{vocabulary.num_labels}; add config/labels/NAME.yaml with the labels it was trained "
            "on, in their order, and give --labels NAME"
        )
    check_order(converted.label_names, vocabulary.label_names)
    return vocabulary


def check_order(told: Sequence[str], ours: Sequence[str]) -> None:
    """Raise ValueError where a checkpoint names one of our labels at another place.

    Names that we do not have say nothing: data sets spell them in many ways.
    """
    places = {bare_name(name): index for index, name in enumerate(ours)}
    for index, name in enumerate(told):
        place = places.get(bare_name(name), index)
        if place != index:
            raise ValueError(
                f"the checkpoint's label {index} is {name}, which is number {place} of these "
                "labels; add config/labels/NAME.yaml in the checkpoint's order and give --labels"
            )


def check_free(folder: Path) -> None:
    """Raise FileExistsError where a run folder holds a segmenter already."""
    if (folder / WEIGHTS).is_file():
        raise FileExistsError(f"{folder} holds a segmenter; choose another folder")


def write_run(converted: Converted, folder: Path, labels: str) -> Path:
    """Write segmenter.safetensors, model.yaml, and relations.yaml, from which stage 2 can start.

    After an error nothing of them is there.

    Raises:
        FileExistsError: the folder holds a segmenter already.
        FileNotFoundError, ValueError: unsuitable labels.
    """
    check_free(folder)
    vocabulary_for(converted, labels)
    sizes = dataclasses.asdict(model_config(converted, folder.resolve().name))
    training = {
        "model": str(folder / CONVERTED_MODEL), "labels": labels, "data": DEFAULT_DATA,
        "out": str(folder),
    }  # fmt: skip
    with scratch_beside(folder) as scratch:
        (scratch / SETTINGS_FILE).write_text(_yaml(training), encoding="utf-8")
        (scratch / CONVERTED_MODEL).write_text(_yaml(sizes), encoding="utf-8")
        save_weights(converted.weights, scratch / WEIGHTS)
        folder.mkdir(exist_ok=True)
        for name in (SETTINGS_FILE, CONVERTED_MODEL, WEIGHTS):
            os.replace(scratch / name, folder / name)
    return folder


def export_segments(
    converted: Converted, out: Path, labels: str, merge_ratio: float | None = None
) -> None:
    """Write a model folder of the segmenter alone.

    Args:
        merge_ratio: share of the patch tokens merged in front of every attention; None: none.

    Raises:
        FileNotFoundError, ValueError: unsuitable labels, or a ratio out of range.
    """
    vocabulary = vocabulary_for(converted, labels)
    config = model_config(converted, out.resolve().name)
    model = build_dsflash(config, vocabulary.num_labels, vocabulary.num_predicates).eval()
    model.segmenter.load_state_dict(converted.weights)
    model = switched(model, Switches(merge_ratio=merge_ratio))
    release(model, labels, out, Recommendation(), Layout("segmenter_only"))


def _yaml(content: dict) -> str:
    """Return YAML; tuples become lists, because safe YAML knows no tuples."""
    return yaml.safe_dump(_plain(content), sort_keys=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, tuple) else value
