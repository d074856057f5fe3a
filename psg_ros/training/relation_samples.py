# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training samples of stage 2: taps, overlap ratios and boxes per image; pairs drawn per step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.psg import PsgDataset, read_rgb
from psg_ros.modeling.config import ModelConfig
from psg_ros.modeling.dsflash import DsFlash
from psg_ros.ops.image import place, resize_nearest, write_content
from psg_ros.ops.overlap import overlap_ratios
from psg_ros.ops.regions import measure_regions
from psg_ros.stages.relations import relative_boxes
from psg_ros.training.config import RelationTraining
from psg_ros.training.losses import relation_targets

FEATURE_BATCH = 32


@dataclass(frozen=True)
class RelationSample:
    """What stage 2 needs of one image.

    Attributes:
        taps: bfloat16 [tap, patch, dim].
        overlap: float32 [segment, cell]; share of each relation cell under each segment.
        boxes: float32 [segment, 4]; xyxy in -1..1 of the network input.
        triplets: int64 [triplet, 3], without self relations.
    """

    taps: Tensor
    overlap: Tensor
    boxes: Tensor
    triplets: Tensor


@dataclass(frozen=True)
class PairBatch:
    """Pairs (i < j) of several images.

    Attributes:
        taps: one bfloat16 [image, patch, dim] per tap.
        image_index: int64 [pair].
        overlap: float32 [pair, 2, cell]; boxes: float32 [pair, 2, 4].
        forward_targets, backward_targets: float32 [pair, 1 + predicate], multi-hot.
    """

    taps: list[Tensor]
    image_index: Tensor
    overlap: Tensor
    boxes: Tensor
    forward_targets: Tensor
    backward_targets: Tensor

    def to(self, device: str) -> PairBatch:
        return PairBatch(
            [tap.to(device) for tap in self.taps],
            *(tensor.to(device) for tensor in (
                self.image_index, self.overlap, self.boxes,
                self.forward_targets, self.backward_targets,
            )),
        )  # fmt: skip


@torch.no_grad()
def collect_samples(
    model: DsFlash, dataset: PsgDataset, device: str, max_images: int = 0
) -> list[RelationSample]:
    """Run the frozen segmenter over the images that have relations.

    Args:
        max_images: look at no more than this many, evenly spaced over the data set; 0 for all.
    """
    model.segmenter.eval()
    wanted = min(max_images or len(dataset), len(dataset))
    indices = [i * len(dataset) // wanted for i in range(wanted)]
    samples: list[RelationSample] = []
    waiting: list[tuple[np.ndarray, AnnotatedImage]] = []
    for index in tqdm(indices, "features", unit="image", disable=None):
        item = dataset[index]
        if (item.triplets[:, 0] != item.triplets[:, 1]).any():
            waiting.append((network_input(item, model.config), item))
        if len(waiting) == FEATURE_BATCH:
            samples += run_segmenter(model, waiting, device)
            waiting = []
    return samples + (run_segmenter(model, waiting, device) if waiting else [])


def network_input(item: AnnotatedImage, config: ModelConfig) -> np.ndarray:
    """Return uint8 [H, W, 3], scaled and padded as the deployed segmenter does it."""
    input_hw = config.segmenter.input_hw
    padded = np.zeros((*input_hw, 3), np.uint8)
    height, width = place(item.segmentation.image_hw, input_hw, config.scaling).content_hw
    write_content(read_rgb(item.image_path), padded[:height, :width], config.scaling)
    return padded


def run_segmenter(
    model: DsFlash, waiting: list[tuple[np.ndarray, AnnotatedImage]], device: str
) -> list[RelationSample]:
    """Return the samples of one batch of network inputs."""
    images = torch.from_numpy(np.stack([image for image, _ in waiting])).permute(0, 3, 1, 2)
    with torch.autocast(torch.device(device).type, torch.bfloat16):
        _, _, taps = model.segmenter(images.to(device).float())
    stacked = torch.stack(taps, dim=1).bfloat16().cpu()
    return [describe(model, item, stacked[i]) for i, (_, item) in enumerate(waiting)]


def describe(model: DsFlash, item: AnnotatedImage, taps: Tensor) -> RelationSample:
    """Return overlaps and boxes of the true segments, as the deployed stage would compute them."""
    segmentation, stage = item.segmentation, model.relations
    count, label_map = segmentation.num_segments, segmentation.label_map
    input_hw, scaling = model.config.segmenter.input_hw, model.config.scaling
    placement = place(segmentation.image_hw, input_hw, scaling)
    content = resize_nearest(label_map, placement.content_hw, placement.image_hw)
    overlap = overlap_ratios(content, 1, count, stage.grid_hw, stage.cell_px)
    boxes = relative_boxes(measure_regions(label_map, count).bbox_xyxy, placement)
    triplets = item.triplets[item.triplets[:, 0] != item.triplets[:, 1]]
    return RelationSample(
        taps, torch.from_numpy(overlap), torch.from_numpy(boxes), torch.from_numpy(triplets)
    )


def pair_batch(
    samples: list[RelationSample],
    num_predicates: int,
    settings: RelationTraining,
    rng: np.random.Generator,
) -> PairBatch:
    """Draw every annotated pair and some unannotated ones of each image."""
    drawn = [draw_pairs(sample, settings.negatives_per_positive, rng) for sample in samples]
    forward, backward = (
        torch.cat([
            relation_targets(sample.triplets, pairs[:, order], num_predicates)
            for sample, pairs in zip(samples, drawn, strict=True)
        ])
        for order in ([0, 1], [1, 0])
    )  # fmt: skip
    index = torch.cat([torch.full((len(pairs),), i) for i, pairs in enumerate(drawn)])
    return PairBatch(
        list(torch.stack([sample.taps for sample in samples], dim=1)),
        index,
        torch.cat([s.overlap[pairs] for s, pairs in zip(samples, drawn, strict=True)]),
        torch.cat([s.boxes[pairs] for s, pairs in zip(samples, drawn, strict=True)]),
        forward,
        backward,
    )


def draw_pairs(sample: RelationSample, ratio: float, rng: np.random.Generator) -> Tensor:
    """Return int64 [pair, 2], first < second: all annotated pairs, then the drawn others.

    Others are `ratio` times as many, but at least one where there is one.
    """
    count = len(sample.overlap)
    ends = sample.triplets[:, :2].sort(dim=1).values.unique(dim=0)
    first, second = torch.triu_indices(count, count, offset=1)
    annotated = torch.zeros(count, count, dtype=torch.bool)
    annotated[ends[:, 0], ends[:, 1]] = True
    others = torch.stack((first, second), dim=1)[~annotated[first, second]]
    wanted = min(len(others), max(1, round(len(ends) * ratio)))
    chosen = rng.choice(len(others), wanted, replace=False)
    return torch.cat((ends, others[torch.from_numpy(chosen)]))
