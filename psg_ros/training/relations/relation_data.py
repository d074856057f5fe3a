# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The images of stage 2: which of them train, which are held out, and where their samples lie."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.hold_out import without_names
from psg_ros.data.records import ImageRecord
from psg_ros.data.streaming import stream
from psg_ros.evaluation.metrics.recall import without_self_relations
from psg_ros.labels import Vocabulary
from psg_ros.network.dsflash import DsFlash
from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.relations.feature_cache import cache_key, images_key, open_cache
from psg_ros.training.relations.held_out import held_out_predicates, without_relations
from psg_ros.training.relations.relation_pictures import PictureSet, read_numbered
from psg_ros.training.relations.relation_plan import BatchPlan
from psg_ros.training.relations.relation_samples import (
    Described,
    FeatureMaker,
    RelationSample,
    RelationTruth,
)
from psg_ros.training.relations.relation_sources import (
    KeptSamples,
    PictureSamples,
    RelationSource,
)
from psg_ros.training.relations.validation import ValidationTruth, validation_truth
from psg_ros.training.segmenter.three_augment import told_by_side

logger = logging.getLogger(__name__)

TASK_MASKS = {"PredCls": "true", "SGDet": "inferred"}


@dataclass(frozen=True)
class ChosenImages:
    """Indices int64 of images that have relations.

    Attributes:
        train: of the data set.
        held_out: of the same or of another data set.
    """

    train: np.ndarray
    held_out: np.ndarray


@dataclass(frozen=True)
class HeldOut:
    """Images to score a relation stage on, in the same order; see `evaluate_relations`."""

    samples: Sequence[RelationSample]
    truths: Sequence[ValidationTruth]


@dataclass(frozen=True)
class RelationData:
    """What a run learns from.

    Attributes:
        held_out: gives the images for validation, with the features of the segmenter as it is now;
            None where there are none, or another process scores them.
    """

    source: RelationSource
    held_out: Callable[[], HeldOut] | None


def choose_images(
    dataset: PanopticDataset, settings: RelationTraining, validation: PanopticDataset | None = None
) -> ChosenImages:
    """Divide the images that have relations between two segments.

    A training split may have an image twice. It is held out once, and then does not train at all.

    Args:
        validation: where images are held out; None: of `dataset`, evenly spaced.

    Raises:
        ValueError: nothing to train with, or fewer images than are to be held out.
    """
    judged = dataset if validation is None else validation
    pool = first_of_each(judged, related_images(judged))
    wanted = settings.validation_images
    held_out = pool[evenly_spaced(len(pool), min(wanted, len(pool)))]
    train = related_images(dataset)
    if validation is None:
        train = without_copies(dataset, train, held_out)
    if wanted > len(pool) or not len(train):
        raise ValueError(
            f"validation_images {wanted} of {len(pool)} images with relations; choose fewer"
        )
    count = min(settings.max_images or len(train), len(train))
    return ChosenImages(train[evenly_spaced(len(train), count)], held_out)


def images_digest(
    dataset: PanopticDataset, settings: RelationTraining, validation: PanopticDataset | None = None
) -> str:
    """Return a SHA-256 of the ids that `choose_images` gives, as hexadecimal text."""
    chosen = choose_images(dataset, settings, validation)
    judged = dataset if validation is None else validation
    names = [
        [images.records[index].image_id for index in indices]
        for images, indices in ((dataset, chosen.train), (judged, chosen.held_out))
    ]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def related_images(dataset: PanopticDataset) -> np.ndarray:
    """Return the indices int64 of the images with a relation between two segments.

    Raises:
        ValueError: there is none.
    """
    related = are_related(dataset.records)
    if not related.any():
        raise ValueError(f"no image of {dataset.root} has a relation between two segments")
    return np.flatnonzero(related)


def are_related(records: Sequence[ImageRecord]) -> np.ndarray:
    """Return bool [image]: whether it has a relation between two segments."""
    return np.array([len(without_self_relations(r.triplets)) > 0 for r in records], bool)


def first_of_each(dataset: PanopticDataset, indices: np.ndarray) -> np.ndarray:
    """Return the indices without those of an image whose id came before: nobody judges it twice."""
    names = [dataset.records[index].image_id for index in indices]
    _, first = np.unique(names, return_index=True)
    return indices[np.sort(first)]


def without_copies(
    dataset: PanopticDataset, indices: np.ndarray, held_out: np.ndarray
) -> np.ndarray:
    """Return the indices of images of which none is held out, by its id or by its file."""
    kept = np.ones(len(indices), bool)
    for key in ("image_id", "image_file"):
        known = {getattr(dataset.records[index], key) for index in held_out}
        kept &= [getattr(dataset.records[index], key) not in known for index in indices]
    return indices[kept]


def evenly_spaced(count: int, wanted: int) -> np.ndarray:
    """Return `wanted` of `count` places, int64, ascending."""
    return np.arange(wanted) * count // max(wanted, 1)


def check_relation_data(
    dataset: PanopticDataset,
    config: TrainConfig,
    vocabulary: Vocabulary,
    num_ranks: int,
    validation: PanopticDataset | None = None,
) -> None:
    """Refuse settings that cannot work with these images, before anything is computed.

    Raises:
        ValueError: too few images, none with a predicate that is not held out, batches too small
            for the processes, or pictures to be mirrored whose relations tell left from right.
    """
    sided = told_by_side(vocabulary.predicate_names)
    if config.relations.augmentation != "none" and sided:
        raise ValueError(
            f"augmentation: {config.relations.augmentation} mirrors pictures, in which "
            f"{', '.join(sided)} would be wrong; choose augmentation: none"
        )
    chosen = choose_images(dataset, config.relations, validation)
    unseen = held_out_predicates(config.relations, vocabulary)
    judged = dataset if validation is None else validation
    for images, indices, use in (
        (dataset, chosen.train, "train"),
        (judged, chosen.held_out, "judge"),
    ):
        if len(indices) and not len(left_related(images, indices, unseen)):
            raise ValueError(
                f"none of the {len(indices)} images to {use} with has a relation that is not held "
                "out (held_out_predicates); choose more images"
            )
    BatchPlan(config, len(chosen.train), num_ranks)


def left_related(
    dataset: PanopticDataset, indices: np.ndarray, unseen: Sequence[int]
) -> np.ndarray:
    """Return the indices of images that are related without the relations of some predicates."""
    related = are_related([without_relations(dataset.records[i], unseen) for i in indices])
    return indices[related]


def open_relation_data(
    model: DsFlash,
    dataset: PanopticDataset,
    config: TrainConfig,
    vocabulary: Vocabulary,
    ranks: Ranks,
    validation: PanopticDataset | None = None,
) -> RelationData:
    """Run the segmenter over all images, unless it has to run in every step or has done so.

    All ranks use the segmenter of rank 0.

    Raises:
        ValueError: see `choose_images`; a feature cache of something else; no relation is left
            between inferred segments.
    """
    settings = config.relations
    chosen = choose_images(dataset, settings, validation)
    warn_of_copies(settings, ranks)
    ranks.equalize(model.segmenter)
    opener = _Opener(model, config, vocabulary, ranks)
    held_out = None
    if len(chosen.held_out):
        held_out = opener.hold_out(validation or dataset, chosen.held_out)
    source: RelationSource
    unseen = held_out_predicates(settings, vocabulary)
    if settings.reads_pictures:
        maker = opener.maker("true") if settings.frozen else None
        known = without_names(dataset, (), unseen)
        left = left_related(dataset, chosen.train, unseen)
        pictures = opener.pictures(known, left, settings.augmentation)
        source = PictureSamples(known, pictures, maker, settings.workers)
    else:
        # Behind the cache, which runs with and without these predicates share.
        truths, samples = opener.describe(dataset, chosen.train, settings.masks, "train")
        source = KeptSamples([without_relations(t, unseen) for t in truths], samples)
    if not source.truths:
        raise ValueError(
            "no relation is left between inferred segments; lower score_threshold and "
            "overlap_threshold, or choose masks: true"
        )
    return RelationData(source, held_out if ranks.is_main else None)


def warn_of_copies(settings: RelationTraining, ranks: Ranks) -> None:
    """Say so where every rank is going to compute and keep the features of all images."""
    kept = not settings.reads_pictures and not settings.feature_cache
    if kept and ranks.world_size > 1 and ranks.is_main:
        logger.warning(
            "each of %d processes computes and keeps the features of all images; with "
            "feature_cache they share the work and the folder",
            ranks.world_size,
        )


def open_held_out(
    model: DsFlash, dataset: PanopticDataset, config: TrainConfig, vocabulary: Vocabulary
) -> HeldOut:
    """Return `validation_images` evenly spaced images that have relations, for `validation_task`.

    Raises:
        ValueError: fewer images than are asked for.
    """
    indices = first_of_each(dataset, related_images(dataset))
    wanted = config.relations.validation_images
    if wanted > len(indices):
        raise ValueError(f"{wanted} images were requested, but {len(indices)} have relations")
    chosen = indices[evenly_spaced(len(indices), wanted)]
    return _Opener(model, config, vocabulary, Ranks()).hold_out(dataset, chosen)()


def in_one_block(
    described: Iterable[Described], count: int
) -> tuple[list[RelationTruth], list[RelationSample]]:
    """Return truths and samples, all features in one piece of memory.

    The size is known at the start, so the memory is asked for at the start, too.

    Args:
        count: how many there are.
    """
    truths: list[RelationTruth] = []
    samples: list[RelationSample] = []
    block = torch.empty(0)
    for truth, sample in described:
        if not samples:
            block = sample.features.new_empty((count, *sample.features.shape))
        place = block[len(samples)].copy_(sample.features)
        truths.append(truth)
        samples.append(replace(sample, features=place))
    return truths, samples


class _Opener:
    """What all samples of a run are made with."""

    def __init__(
        self, model: DsFlash, config: TrainConfig, vocabulary: Vocabulary, ranks: Ranks
    ) -> None:
        self._model, self._config, self._ranks = model, config, ranks
        self._is_thing = np.array([label.is_thing for label in vocabulary.labels])
        self._held_out = held_out_predicates(config.relations, vocabulary)

    def maker(self, masks: str) -> FeatureMaker:
        settings, device = self._config.relations, self._ranks.device
        return FeatureMaker(self._model, settings, self._is_thing, device, masks)

    def pictures(
        self, dataset: PanopticDataset, indices: np.ndarray, augmentation: str = "none"
    ) -> PictureSet:
        format = self.maker("true").format
        return PictureSet(dataset, indices, format, augmentation, self._config.seed)

    def hold_out(self, dataset: PanopticDataset, indices: np.ndarray) -> Callable[[], HeldOut]:
        """Return what gives the held-out samples; of a segmenter that learns, again every time."""
        masks = TASK_MASKS[self._config.relations.validation_task]

        def describe() -> HeldOut:
            truths, samples = self.describe(dataset, indices, masks, "validation")
            judged = [
                validation_truth(without_relations(dataset.records[index], self._held_out), truth)
                for index, truth in zip(indices, truths, strict=True)
            ]
            return HeldOut(samples, judged)

        if not self._config.relations.frozen:
            return describe
        kept = cache(describe)
        if self._config.relations.feature_cache or self._ranks.is_main:
            kept()
        return kept

    def describe(
        self, dataset: PanopticDataset, indices: np.ndarray, masks: str, part: str
    ) -> tuple[Sequence[RelationTruth], Sequence[RelationSample]]:
        """Return truths and samples of images, from the feature cache where there is one."""
        settings = self._config.relations
        if not settings.feature_cache:
            return in_one_block(self._run(dataset, indices, masks), len(indices))
        cached = open_cache(
            Path(settings.feature_cache) / part,
            cache_key(self._model, settings, dataset.source, masks) | images_key(dataset, indices),
            indices,
            lambda missing: self._run(dataset, missing, masks),
            self._ranks,
        )
        return cached.truths, cached

    def _run(
        self, dataset: PanopticDataset, indices: np.ndarray, masks: str
    ) -> Iterator[Described]:
        pictures = self.pictures(dataset, indices)
        workers = self._config.relations.workers
        read = stream(pictures, range(len(indices)), read_numbered, workers)
        quiet = None if self._ranks.is_main else True
        shown = tqdm(read, "features", len(indices), unit="image", disable=quiet)
        return self.maker(masks).describe(shown)
