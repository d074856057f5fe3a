# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One frame of the ladder in torch: the same work from picture to ranked relations in every step.

A frame is: the picture scaled into the network's input, the input on the device, the segmenter with
all its heads, the panoptic merge, boxes and overlap ratios of the segments, mask embedding, neck
and head for all pairs, logits on the host, ranking. The segmenter's answers are computed, but with
a scene the merge reads the scene's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from psg_ros.benchmark.ladder.dsformer import DsFormer
from psg_ros.benchmark.ladder.networks import Network
from psg_ros.benchmark.ladder.relation_forms import Pairs, ordered_pairs, score_pairs
from psg_ros.benchmark.ladder.scene import Scene
from psg_ros.benchmark.ladder.steps import Step
from psg_ros.config import RECOMMENDED, Recommendation
from psg_ros.network.overlap_pooling import pair_overlaps
from psg_ros.robot.forms.relations import relative_boxes
from psg_ros.robot.ops.image import Placement, padding_rgb, place, write_content
from psg_ros.robot.ops.pairs import unordered_pairs
from psg_ros.robot.ops.panoptic import MergedMasks, best_label, merge
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.robot.ops.triplets import Triplet, rank_relations
from psg_ros.scene_graph import RelationScores

MAX_RELATIONS = 100


@dataclass(frozen=True)
class FrameResult:
    """The graph of one picture, and what went into it.

    Attributes:
        pairs: input of the relation network; one sequence each.
        scores: of all directed pairs.
        triplets: the best, ranked.
    """

    masks: MergedMasks
    pairs: Pairs
    scores: RelationScores
    triplets: list[Triplet]


class Frame:
    """Runs the frames of one step; keeps its buffers.

    Args:
        scene: what the merge reads instead of the segmenter's answer; None for a trained network.
        is_thing: bool [label].
    """

    def __init__(
        self,
        step: Step,
        network: Network,
        is_thing: np.ndarray,
        scene: Scene | None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        scaling: str = "area",
        thresholds: Recommendation = RECOMMENDED,
    ) -> None:
        self.step, self.scaling, self.thresholds = step, scaling, thresholds
        self.device, self.dtype, self.is_thing = torch.device(device), dtype, is_thing
        self.network = network.to(self.device, dtype)
        self.config = network.segmenter.config
        self._scene: tuple[Tensor, ...] | None = None
        if scene is not None:
            arrays = (scene.class_logits[None], scene.mask_logits[None])
            self._scene = tuple(torch.from_numpy(a).to(self.device, dtype) for a in arrays)
        self._scratch = Scratch()

    @torch.inference_mode()
    def __call__(self, images: Sequence[np.ndarray]) -> list[FrameResult]:
        """Return the graph of each image uint8 [height, width, 3] RGB; one batch, all of a size."""
        pixels, placement = self._upload(images)
        class_logits, mask_logits, taps = self.network.segmenter(pixels)
        relations = self.network.relations
        if isinstance(relations, DsFormer):
            patch_tokens = relations.features(pixels)
        else:
            patch_tokens = relations.tap_embedding(taps)
        if self._scene is not None:
            class_logits, mask_logits = (
                logits.expand_as(own)
                for logits, own in zip(self._scene, (class_logits, mask_logits), strict=True)
            )
        answers = zip(class_logits, mask_logits, patch_tokens[:, None], strict=True)
        return [
            self._relate(self._merge(classes, masks, placement), tokens, placement)
            for classes, masks, tokens in answers
        ]

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _upload(self, images: Sequence[np.ndarray]) -> tuple[Tensor, Placement]:
        """Return pixels 0..255 [batch, 3, h, w] on the device and where the images lie in them."""
        placement = place(images[0].shape[:2], self.config.input_hw, self.scaling)
        batch = self._scratch.take("input", (len(images), *self.config.input_hw, 3), np.uint8)
        batch[:] = np.array(padding_rgb(self.scaling), np.uint8)
        height, width = placement.content_hw
        for image, row in zip(images, batch, strict=True):
            write_content(image, row[:height, :width], self.scaling)
        pixels = torch.from_numpy(batch).to(self.device)
        return pixels.permute(0, 3, 1, 2).to(self.dtype), placement

    def _relate(
        self, masks: MergedMasks, patch_tokens: Tensor, placement: Placement
    ) -> FrameResult:
        pairs = self._describe_pairs(masks, placement)
        logits = score_pairs(self.step, self.network.relations, patch_tokens, pairs)
        directed = pairs.pairs
        if self.step.bidirectional:
            directed = np.concatenate([directed, directed[:, ::-1]])
        scores = RelationScores(directed, logits.float().cpu().numpy())
        return FrameResult(masks, pairs, scores, rank_relations(scores, limit=MAX_RELATIONS))

    def _merge(
        self, class_logits: Tensor, mask_logits: Tensor, placement: Placement
    ) -> MergedMasks:
        """Only sure queries leave the device; `merge` would drop the others first, too.

        Enlarged masks have a stride of 1: the grid of the merge is then the input itself.
        """
        if self.step.masks == "input":
            size = self.config.input_hw
            mask_logits = functional.interpolate(mask_logits[None], size, mode="bilinear")[0]
        classes = class_logits.float().cpu().numpy()
        scores, labels = best_label(classes)
        is_sure = (labels < len(self.is_thing)) & (scores > self.thresholds.score)
        sure = np.flatnonzero(is_sure)
        kept = mask_logits[torch.from_numpy(sure).to(self.device)]
        return merge(
            classes[sure],
            kept.float().cpu().numpy(),
            placement,
            resolution="mask",
            score_threshold=self.thresholds.score,
            overlap_threshold=self.thresholds.overlap,
            is_thing=self.is_thing,
            scratch=self._scratch,
        )

    def _describe_pairs(self, masks: MergedMasks, placement: Placement) -> Pairs:
        segmentation = masks.segmentation
        count = segmentation.num_segments
        pairs = (
            unordered_pairs(np.arange(count)) if self.step.bidirectional else ordered_pairs(count)
        )
        index = torch.from_numpy(pairs.astype(np.int64)).to(self.device)
        regions = measure_regions(segmentation.label_map, count)
        boxes = torch.from_numpy(relative_boxes(regions.bbox_xyxy, placement))
        boxes = boxes.to(self.device, self.dtype)
        labels = torch.from_numpy(segmentation.labels).to(self.device)
        relations = self.network.relations
        window_hw = tuple(size // masks.stride for size in relations.cell_px)
        subject, other = pair_overlaps(
            self._binary_masks(masks, placement),
            index,
            window_hw,  # type: ignore[arg-type]
            relations.grid_hw,
            self.step.pool_per,
        )
        return Pairs(pairs, subject, other, boxes[index].flatten(1), labels[index])

    def _binary_masks(self, masks: MergedMasks, placement: Placement) -> Tensor:
        """Return one mask per segment [segment, h, w] over the whole network input."""
        content = torch.from_numpy(masks.content_map).to(self.device)
        segments = torch.arange(masks.segmentation.num_segments, device=self.device)
        binary = (content == segments[:, None, None]).to(self.dtype)
        height, width = (size // masks.stride for size in placement.input_hw)
        return functional.pad(binary, (0, width - binary.shape[2], 0, height - binary.shape[1]))
