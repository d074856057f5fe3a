# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training samples of stage 2, and the frozen segmenter that makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.records import no_pairs
from psg_ros.evaluation.metrics.recall import without_self_relations
from psg_ros.network.dsflash import DsFlash
from psg_ros.robot.ops.panoptic import merge
from psg_ros.scene_graph import Segmentation
from psg_ros.training.config import RelationTraining
from psg_ros.training.memory import return_free_memory
from psg_ros.training.relations.carried_relations import carry_over, partners
from psg_ros.training.relations.features import pack
from psg_ros.training.relations.relation_pictures import (
    Picture,
    SampleFormat,
    describe_masks,
)

FEATURE_BATCH = 32
BATCHES_BETWEEN_TRIMS = 8


@dataclass(frozen=True)
class RelationTruth:
    """What is known of the segments that a sample describes.

    Attributes:
        labels: int64 [segment].
        partner: int64 [segment]; the true segment that each matches, or -1.
        triplets: int64 [triplet, 3] between these segments, without self relations.
        doubtful: int64 [pair, 2]; no examples of "no relation".
    """

    image_id: str
    labels: np.ndarray
    partner: np.ndarray
    triplets: np.ndarray
    doubtful: np.ndarray = field(default_factory=no_pairs)

    @property
    def num_segments(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class RelationSample:
    """What the losses need of one image.

    Attributes:
        features: bfloat16 [value], see `psg_ros.training.relations.features`; or the network input,
            uint8 [3, h, w].
        overlap: float32 [segment, cell]; share of each relation cell under each segment.
        boxes: float32 [segment, 4]; xyxy in -1..1 of the network input.
    """

    features: Tensor
    overlap: Tensor
    boxes: Tensor


Described = tuple[RelationTruth, RelationSample]


def sample_format(model: DsFlash, mask_resolution: str) -> SampleFormat:
    """Return how a model takes pictures; ratios from masks at `full` or `raw` resolution."""
    config, stage = model.config, model.relations
    stride = config.segmenter.mask_stride if mask_resolution == "raw" else 1
    return SampleFormat(
        config.segmenter.input_hw, config.scaling, stage.grid_hw, stage.cell_px, stride
    )


def true_segments(
    image_id: str, labels: np.ndarray, triplets: np.ndarray, doubtful: np.ndarray | None = None
) -> RelationTruth:
    """Return the truth of a sample that describes the true segments themselves."""
    triplets = without_self_relations(triplets)
    doubtful = no_pairs() if doubtful is None else doubtful
    return RelationTruth(image_id, labels, np.arange(len(labels)), triplets, doubtful)


def inferred_segments(item: AnnotatedImage, found: Segmentation) -> RelationTruth:
    """Return the truth of a sample that describes inferred segments."""
    partner = partners(item, found)
    num_true = item.segmentation.num_segments
    triplets = without_self_relations(carry_over(item.triplets, partner, num_true))
    doubtful = carry_over(item.doubtful_pairs, partner, num_true)
    return RelationTruth(item.image_id, found.labels, partner, triplets, doubtful)


def true_sample(picture: Picture, features: Tensor) -> RelationSample:
    """Return the sample of the true segments."""
    return RelationSample(
        features, torch.from_numpy(picture.overlap), torch.from_numpy(picture.boxes)
    )


class FeatureMaker:
    """The frozen segmenter and how it is used.

    Args:
        is_thing: bool [label].
        masks: `true` or `inferred` segments; where not given, those of the settings.
    """

    def __init__(
        self,
        model: DsFlash,
        settings: RelationTraining,
        is_thing: np.ndarray,
        device: str,
        masks: str = "",
    ) -> None:
        self.segmenter = model.segmenter.to(device).eval()
        self.format = sample_format(model, settings.mask_resolution)
        self.settings, self.masks, self.device = settings, masks or settings.masks, device
        self._is_thing = is_thing

    def describe(self, pictures: Iterable[Picture]) -> Iterator[Described]:
        """Run the segmenter over pictures, several at a time, and describe them in order."""
        waiting = iter(pictures)
        batches = iter(lambda: list(islice(waiting, FEATURE_BATCH)), [])
        for number, batch in enumerate(batches):
            if number % BATCHES_BETWEEN_TRIMS == 0:
                return_free_memory()
            if self.masks == "inferred":
                yield from self._inferred_segments(batch)
            else:
                yield from self._true_segments(batch)

    def features(self, pixels: Tensor) -> Tensor:
        """Return packed features, on the device, of pixels [image, 3, h, w]."""
        with torch.no_grad(), autocast(self.device, self.settings.precision):
            return pack(self.segmenter.encode(pixels.to(self.device).float()))

    def _true_segments(self, batch: list[Picture]) -> Iterator[Described]:
        features = self.features(network_batch(batch)).cpu()
        for picture, own in zip(batch, features, strict=True):
            item = picture.item
            truth = true_segments(
                item.image_id, item.segmentation.labels, item.triplets, item.doubtful_pairs
            )
            yield truth, true_sample(picture, own)

    def _inferred_segments(self, batch: list[Picture]) -> Iterator[Described]:
        pixels = network_batch(batch).to(self.device).float()
        with torch.no_grad(), autocast(self.device, self.settings.precision):
            *logits, features = self.segmenter(pixels)
        class_logits, mask_logits = (values.float().cpu().numpy() for values in logits)
        packed = pack(features).cpu()
        for found in zip(batch, class_logits, mask_logits, packed, strict=True):
            yield self._inferred(*found)

    def _inferred(
        self, picture: Picture, class_logits: np.ndarray, mask_logits: np.ndarray, features: Tensor
    ) -> Described:
        item = picture.item
        masks = merge(
            class_logits,
            mask_logits,
            self.format.place(item.segmentation.image_hw),
            resolution="input" if self.format.stride == 1 else "mask",
            score_threshold=self.settings.score_threshold,
            overlap_threshold=self.settings.overlap_threshold,
            is_thing=self._is_thing,
        )
        overlap, boxes = describe_masks(masks, self.format)
        sample = RelationSample(features, torch.from_numpy(overlap), torch.from_numpy(boxes))
        return inferred_segments(item, masks.segmentation), sample


def network_batch(pictures: list[Picture]) -> Tensor:
    """Return uint8 [image, 3, h, w]."""
    return torch.from_numpy(np.stack([p.pixels for p in pictures])).permute(0, 3, 1, 2)


def autocast(device: str, precision: str) -> AbstractContextManager:
    """Return the context of a forward pass in `bfloat16` or `float32`."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)
