# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Both stages of SPADE on an annotated data set, from public models to a folder that answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.hold_out import base_of
from psg_ros.data.pictures import read_rgb_of_size
from psg_ros.data.records import ImageRecord
from psg_ros.labels import Vocabulary
from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.frozen import FrozenModels, open_frozen_models, open_prompt_reader
from psg_ros.network.spade.network import SpadeNetwork, Words
from psg_ros.network.spade.stage import (
    load_calibration,
    open_text_tower,
    read_settings,
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
    labels = held_out(config.held_out_labels, vocabulary.label_names)
    predicates = held_out(config.held_out_predicates, vocabulary.predicate_names)
    if calibration is not None:
        check_calibration(
            calibration,
            [vocabulary.label_names[index] for index in labels],
            [vocabulary.predicate_names[index] for index in predicates],
        )
    images, vocabulary = base_of(dataset, vocabulary, labels, predicates)
    torch.manual_seed(seed)
    models, curve = open_frozen_models(config), []
    if calibration is None:
        cache = MapCache(maps, config.calibration, config.diffusion_model)
        curve = calibrate(models, Lessons(config, images, vocabulary), cache=cache, seed=seed)
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


def check_calibration(path: Path, labels: Sequence[str], predicates: Sequence[str]) -> None:
    """Refuse a result of stage 1 whose prompts held names that this training holds out.

    What it was trained with, the folder of its run says.

    Raises:
        FileNotFoundError: names are held out, and the file lies in no such folder.
        ValueError: they were not held out there; or damaged settings.
    """
    if not labels and not predicates:
        return
    trained = read_settings(path.parent).trained
    seen = [name for name in labels if name in trained.objects]
    seen += [name for name in predicates if name in trained.predicates]
    if seen:
        raise ValueError(
            f"{path} was trained with {len(seen)} of the names that this training holds out (such "
            f"as {seen[0]!r}); leave --calibration out, or give that of a run with the same "
            "held_out_labels and held_out_predicates"
        )


def new_network(models: FrozenModels) -> SpadeNetwork:
    """Return an untrained stage 2 that fits the public models."""
    return SpadeNetwork(models.config, models.taps.widths, models.vision.config.projection_dim)


class Lessons(Sequence[Lesson]):
    """What stage 1 learns from; each is read when it is asked for.

    Images without relations have no prompt and are left out.

    Raises:
        As `open_prompt_reader`.
    """

    def __init__(
        self, config: SpadeConfig, dataset: PanopticDataset, vocabulary: Vocabulary
    ) -> None:
        self._tokenizer, self._tower = open_prompt_reader(config)
        self._dataset, self._vocabulary = dataset, vocabulary
        self._records = [record for record in dataset.records if len(record.triplets)]

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        """Return one lesson.

        Raises:
            FileNotFoundError, ValueError: its picture is missing or broken.
        """
        record = self._records[index]
        pixels = read_rgb_of_size(self._dataset.image_path(record), record.image_hw)
        image = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()
        return Lesson(image, read_prompt(self._text(record), self._tokenizer, self._tower))

    def _text(self, record: ImageRecord) -> str:
        names, predicates = self._vocabulary.label_names, self._vocabulary.predicate_names
        return relation_prompt(
            [
                (names[record.labels[subject]], predicates[predicate], names[record.labels[end]])
                for subject, end, predicate in record.triplets
            ]
        )
