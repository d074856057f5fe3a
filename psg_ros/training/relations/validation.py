# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of a relation stage on held-out images, from features that were computed before.

Relations are judged by `psg_ros.evaluation`. It compares masks, too, but relations need only to
know which segments match: that is found once, and tiny stand-ins with a pixel a segment tell it to
the evaluator. Hence no figures of masks and their boxes (PQ, R@inf_box) come out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.records import ImageRecord
from psg_ros.evaluation.metrics.evaluator import Evaluator, Task
from psg_ros.labels import Vocabulary
from psg_ros.network.dsflash import RelationStage
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import VOID, RelationScores, SceneGraph, Segmentation
from psg_ros.training.relations.features import unpack
from psg_ros.training.relations.relation_losses import pair_vectors
from psg_ros.training.relations.relation_samples import (
    RelationSample,
    RelationTruth,
    autocast,
)

MAIN_SCORE = "mR@50"
IMAGE_BATCH = 16


@dataclass(frozen=True)
class ValidationTruth:
    """One image to be judged.

    Attributes:
        truth: the annotation, its masks replaced by stand-ins.
        segmentation: the segments of the sample as stand-ins; those of `truth` for PredCls.
    """

    truth: AnnotatedImage
    segmentation: Segmentation


def validation_truth(record: ImageRecord, found: RelationTruth) -> ValidationTruth:
    """Return what the evaluator needs of an image.

    Args:
        record: its annotation.
        found: the segments of its sample, true or inferred ones.
    """
    true, inferred = stand_ins(record.labels, found.labels, found.partner)
    truth = AnnotatedImage(
        record.image_id, Path(record.image_file), true, record.triplets, record.is_crowd
    )
    return ValidationTruth(truth, inferred)


def stand_ins(
    true_labels: np.ndarray, found_labels: np.ndarray, partner: np.ndarray
) -> tuple[Segmentation, Segmentation]:
    """Return two partitions [1, pixel] of a pixel a segment that match as `partner` says.

    Args:
        true_labels, found_labels: int64 [segment].
        partner: int64 [found segment]; the true segment that it matches, or -1.
    """
    matched, alone = np.flatnonzero(partner >= 0), np.flatnonzero(partner < 0)
    count = len(true_labels)
    true_map, found_map = np.full((2, 1, count + len(alone)), VOID, np.int32)
    true_map[0, :count] = np.arange(count)
    found_map[0, partner[matched]] = matched
    found_map[0, count:] = alone
    true, found = (
        Segmentation(label_map, labels, np.ones(len(labels), np.float32))
        for label_map, labels in ((true_map, true_labels), (found_map, found_labels))
    )
    return true, found


def evaluate_relations(
    stage: RelationStage,
    samples: Sequence[RelationSample],
    truths: Sequence[ValidationTruth],
    vocabulary: Vocabulary,
    task: Task,
    *,
    device: str = "cpu",
    precision: str = "bfloat16",
    prune: bool | None = None,
    ks: Sequence[int] = (20, 50, 100),
) -> dict[str, float]:
    """Return the recalls, in percent by name ("mR@50", "NgR@20", "R@inf" ...).

    Args:
        samples: one an image, with packed features; true segments for PredCls, inferred ones for
            SGDet.
        truths: of the same images, from `validation_truth`.
        precision: `bfloat16` or `float32`.
        prune: whether to leave out cells, other than the stage does in training; None: as it does.

    Raises:
        ValueError: samples and truths of different number, or no images.
    """
    if not samples or len(samples) != len(truths):
        raise ValueError(f"{len(samples)} samples for {len(truths)} truths; one each is needed")
    evaluator = Evaluator(vocabulary, task, ks)
    with judging(stage, prune):
        scores = relation_scores(stage, samples, device, precision)
        for scored, image in zip(scores, truths, strict=True):
            found = image.segmentation
            regions = measure_regions(found.label_map, found.num_segments)
            nodes = describe_nodes(found, regions, vocabulary)
            graph = SceneGraph(found, nodes, (), scored)
            evaluator.add(image.truth.image_id, image.truth, graph)
    figures = evaluator.report().scores
    return {name: value for name, value in figures.items() if "R@" in name and "box" not in name}


@contextmanager
def judging(stage: RelationStage, prune: bool | None) -> Iterator[None]:
    """Put a stage into evaluation mode for a while, with or without pruning."""
    was_training, pruned = stage.training, stage.prune
    stage.eval()
    stage.prune = pruned if prune is None else prune
    try:
        yield
    finally:
        stage.train(was_training)
        stage.prune = pruned


def relation_scores(
    stage: RelationStage, samples: Sequence[RelationSample], device: str, precision: str
) -> Iterator[RelationScores]:
    """Yield the scores of all pairs of each image, several images at a time."""
    waiting = (samples[index] for index in range(len(samples)))
    while batch := list(islice(waiting, IMAGE_BATCH)):
        pairs = [all_pairs(len(sample.overlap)) for sample in batch]
        with torch.inference_mode(), autocast(device, precision):
            logits = score_pairs(stage, batch, pairs, device, precision).float().cpu()
        for ends, of_image in zip(pairs, logits.split([len(ends) for ends in pairs]), strict=True):
            both = torch.cat((ends, ends.flip(1))).int().numpy()
            yield RelationScores(both, of_image.transpose(0, 1).flatten(0, 1).numpy())


def all_pairs(count: int) -> Tensor:
    """Return int64 [pair, 2]: all pairs, the first segment before the second."""
    return torch.triu_indices(count, count, offset=1).T


def score_pairs(
    stage: RelationStage,
    samples: Sequence[RelationSample],
    pairs: Sequence[Tensor],
    device: str,
    precision: str,
) -> Tensor:
    """Return logits [pair, 2, 1 + predicate] of the pairs of all samples: forward, backward."""
    features = torch.stack([sample.features for sample in samples]).to(device)
    cells = stage.tap_embedding(unpack(features, stage.tap_embedding.shapes, precision))
    counts = torch.tensor([len(ends) for ends in pairs])
    image = torch.arange(len(pairs)).repeat_interleave(counts).to(device)
    overlap, boxes = (
        torch.cat([getattr(s, name)[ends] for s, ends in zip(samples, pairs, strict=True)])
        for name in ("overlap", "boxes")
    )
    overlap, boxes = overlap.to(device), boxes.to(device)
    vectors = pair_vectors(stage, cells, image, overlap, boxes)
    if stage.head.bidirectional:
        return torch.stack(stage.head(vectors), dim=1)
    swapped = pair_vectors(stage, cells, image, overlap.flip(1), boxes.flip(1))
    return torch.stack((stage.head.mlp(vectors), stage.head.mlp(swapped)), dim=1)
