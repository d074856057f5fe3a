# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Both stages of SPADE on an annotated data set, from public models to a folder that answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import PanopticDataset, read_picture
from psg_ros.data.hold_out import base_of
from psg_ros.labels import Vocabulary
from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.frozen import FrozenModels, open_frozen_models, open_prompt_reader
from psg_ros.network.spade.network import SpadeNetwork, Words
from psg_ros.network.spade.stage import (
    load_calibration,
    open_text_tower,
    save_stage,
)
from psg_ros.network.spade.text_vectors import (
    OBJECT_TEMPLATES,
    PREDICATE_TEMPLATES,
    relation_prompt,
)
from psg_ros.open_set import held_out
from psg_ros.spade_config import TrainedWords
from psg_ros.training.spade.calibration import Lesson, calibrate
from psg_ros.training.spade.examples import Examples
from psg_ros.training.spade.relation_training import train_relations
from psg_ros.training.spade.teacher_maps import MapCache, read_prompt

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Curves:
    """Mean loss of each epoch of both stages; none of stage 1 where its result was given."""

    calibration: list[float]
    relations: list[float]


def train_spade(
    config: SpadeConfig,
    dataset: PanopticDataset,
    vocabulary: Vocabulary,
    out: Path,
    *,
    maps: Path,
    calibration: Path | None = None,
    seed: int = 0,
) -> Curves:
    """Train both stages and write the folder of the result.

    Args:
        dataset: with its truth; pictures are read here. What the config holds out is taken out.
        vocabulary: of the data set.
        out: a new folder, for `SpadeStage.open`.
        maps: folder that keeps the teacher's maps.
        calibration: what stage 1 of another run has written; None trains it here.

    Raises:
        FileNotFoundError, FileExistsError, ImportError, ValueError: says what is missing or wrong.
    """
    images, vocabulary = base_of(
        dataset,
        vocabulary,
        held_out(config.held_out_labels, vocabulary.label_names),
        held_out(config.held_out_predicates, vocabulary.predicate_names),
    )
    torch.manual_seed(seed)
    models, curve = open_frozen_models(config), []
    if calibration is None:
        cache = MapCache(maps, config.calibration, config.diffusion_model)
        curve = calibrate(models, list(lessons(config, images, vocabulary)), cache=cache, seed=seed)
    else:
        load_calibration(models, calibration)
    embed = open_text_tower(config)
    words = Words(
        embed(vocabulary.label_names, OBJECT_TEMPLATES),
        embed(vocabulary.predicate_names, PREDICATE_TEMPLATES),
    )
    network = new_network(models)
    relations = train_relations(network, Examples(models, images), words, seed=seed)
    trained = TrainedWords(vocabulary.label_names, vocabulary.predicate_names)
    save_stage(out, models, network, trained)
    return Curves(curve, relations)


def new_network(models: FrozenModels) -> SpadeNetwork:
    """Return an untrained stage 2 that fits the public models."""
    return SpadeNetwork(models.config, models.taps.widths, models.vision.config.projection_dim)


def lessons(
    config: SpadeConfig, images: Sequence[AnnotatedImage], vocabulary: Vocabulary
) -> Iterator[Lesson]:
    """Yield what stage 1 learns from; images without relations have no prompt and are left out."""
    tokenizer, tower = open_prompt_reader(config)
    for truth in images:
        if not len(truth.triplets):
            continue
        names = [vocabulary.label_names[label] for label in truth.segmentation.labels]
        text = relation_prompt(
            [(names[s], vocabulary.predicate_names[p], names[o]) for s, o, p in truth.triplets]
        )
        pixels = torch.from_numpy(read_picture(truth)).permute(2, 0, 1)[None].contiguous()
        yield Lesson(pixels, read_prompt(text, tokenizer, tower))
