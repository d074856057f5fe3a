# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of both stages.

Stage 1: Mask2Former's set loss after every query block (EoMT). Stage 2: DSFlash's binary cross
entropy with swap consistency (its equation 7).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from psg_ros.training.config import SegmentationTraining
from psg_ros.training.segmenter.matcher import match
from psg_ros.training.segmenter.point_sampling import at_own_points, at_points, unsure_points


@dataclass(frozen=True)
class SegmentTargets:
    """Truth of one image for stage 1.

    Attributes:
        labels: int64 [segment].
        masks: share of each mask cell that the segment covers, [segment, h, w]; or uint8, 0 or 1,
            at the size of the picture.
        semantic: int64 [h, w], label of each mask cell, -1 for void.
        scores: float32 [segment], trust in each label, 0..1: weight of its losses; None: all 1.
        cell_scores: float32 [h, w], of the segment that `semantic` is of; None: all 1.
    """

    labels: Tensor
    masks: Tensor
    semantic: Tensor
    scores: Tensor | None = None
    cell_scores: Tensor | None = None

    def to(self, device: str) -> "SegmentTargets":
        return SegmentTargets(
            self.labels.to(device),
            self.masks.to(device),
            self.semantic.to(device),
            None if self.scores is None else self.scores.to(device),
            None if self.cell_scores is None else self.cell_scores.to(device),
        )


@dataclass(frozen=True)
class Totals:
    """What the losses of a step are divided by: counted over the whole batch of the step.

    So a batch may be divided over processes and parts: each gives its share of the loss.

    Attributes:
        matches: segments that get a query.
        class_weight: sum of the class weights of all queries.
        cells: mask cells that are not void.
    """

    matches: float
    class_weight: float
    cells: float


def count_totals(
    targets: list[SegmentTargets], num_queries: int, config: SegmentationTraining
) -> Totals:
    """Return the totals of a batch, or of one process's part of it."""
    matches = sum(min(len(target.labels), num_queries) for target in targets)
    empty = num_queries * len(targets) - matches
    cells = sum(int((target.semantic >= 0).sum()) for target in targets)
    return Totals(matches, matches + config.no_object_weight * empty, cells)


def set_loss(
    class_logits: Float[Tensor, "batch query column"] | None,
    mask_logits: Float[Tensor, "batch query h w"],
    targets: list[SegmentTargets],
    config: SegmentationTraining,
    totals: Totals | None = None,
    generators: list[torch.Generator] | None = None,
) -> dict[str, Tensor]:
    """Return the weighted class, mask and dice loss of one set of predictions.

    Args:
        class_logits: None: masks are matched by themselves, and there is no class loss.
        totals: of the whole batch where this is a part of it.
        generators: one an image, for the points at which masks are compared.

    Raises:
        FloatingPointError: predictions that are not finite.
    """
    totals = totals or count_totals(targets, mask_logits.shape[1], config)
    matches = []
    for index, target in enumerate(targets):
        generator = generators[index] if generators else None
        classes = None if class_logits is None else class_logits[index]
        matches.append(matched_masks(classes, mask_logits[index], target, config, generator))
    logits, masks, scores = (
        torch.cat([getattr(matched, name) for matched in matches])
        for name in ("logits", "masks", "scores")
    )
    known = torch.cat([m.known for m in matches]) if config.ignore_void else None
    count = max(totals.matches, 1)
    terms = {
        "mask": config.mask_weight * (mask_loss(logits, masks, known) @ scores) / count,
        "dice": config.dice_weight * (dice_loss(logits, masks, known) @ scores) / count,
    }
    if class_logits is None:
        return terms
    loss = class_loss(class_logits, mask_logits, targets, matches, config)
    return {"class": config.class_weight * loss / totals.class_weight, **terms}


def class_loss(
    class_logits: Float[Tensor, "batch query column"],
    mask_logits: Float[Tensor, "batch query h w"],
    targets: list[SegmentTargets],
    matches: list["Matches"],
    config: SegmentationTraining,
) -> Float[Tensor, ""]:
    """Return the weighted sum of the cross entropies of all queries."""
    no_object = class_logits.shape[-1] - 1
    wanted = torch.full(class_logits.shape[:2], no_object, device=class_logits.device)
    weights = torch.full(class_logits.shape[:2], config.no_object_weight, device=wanted.device)
    for index, (target, matched) in enumerate(zip(targets, matches, strict=True)):
        if config.ignore_void:
            weights[index] *= ~mostly_void(mask_logits[index], target)
        wanted[index, matched.queries] = target.labels[matched.segments]
        weights[index, matched.queries] = matched.scores
    loss = functional.cross_entropy(
        class_logits.float().flatten(0, 1), wanted.flatten(), reduction="none"
    )
    return loss @ weights.flatten()


class Matches(NamedTuple):
    """Queries and segments of one image that belong together.

    Attributes:
        logits, masks: predicted and true, where they are compared.
        known: share of each of these places that any segment covers; the rest is void.
        scores: trust in the labels.
    """

    queries: Int[Tensor, " match"]
    segments: Int[Tensor, " match"]
    logits: Float[Tensor, "match point"]
    masks: Float[Tensor, "match point"]
    known: Float[Tensor, "match point"]
    scores: Float[Tensor, " match"]


def matched_masks(
    class_logits: Float[Tensor, "query column"] | None,
    mask_logits: Float[Tensor, "query h w"],
    target: SegmentTargets,
    config: SegmentationTraining,
    generator: torch.Generator | None,
) -> Matches:
    """Return the cheapest matches of one image.

    Masks are compared at all cells of the predictions, or at `config.points` random points:
    everywhere for matching, mostly where the predictions are unsure for the loss (Mask2Former).
    """
    logits, masks, labels = mask_logits.float(), target.masks.float(), target.labels
    void = void_of(target)
    scores = logits.new_ones(len(labels)) if target.scores is None else target.scores
    if not config.points:
        flat, resized = logits.flatten(1), resize_masks(masks, mask_logits.shape[1:])
        known = 1 - resize_masks(void, mask_logits.shape[1:])
        part = known if config.ignore_void else None
        queries, segments = match(class_logits, flat, labels, resized, config, part)
        known = known.expand(len(queries), -1)
        return Matches(queries, segments, flat[queries], resized[segments], known, scores[segments])
    points = torch.rand(config.points, 2, generator=generator, device=logits.device)
    part = 1 - at_points(void, points) if config.ignore_void else None
    compared = at_points(logits.detach(), points), labels, at_points(masks, points)
    queries, segments = match(class_logits, *compared, config, part)
    own = unsure_points(logits[queries], config.points, generator)
    return Matches(
        queries,
        segments,
        at_own_points(logits[queries], own),
        at_own_points(masks[segments], own),
        1 - at_own_points(void.expand(len(queries), -1, -1), own),
        scores[segments],
    )


def void_of(target: SegmentTargets) -> Float[Tensor, "1 h w"]:
    """Return the share of every cell that no segment covers."""
    return (1 - target.masks.float().sum(0, keepdim=True)).clamp(min=0)


@torch.no_grad()
def mostly_void(
    mask_logits: Float[Tensor, "query h w"], target: SegmentTargets
) -> Bool[Tensor, " query"]:
    """Return which predicted masks lie for more than half on what nobody has labelled."""
    void = resize_masks(void_of(target), mask_logits.shape[1:])[0]
    inside = (mask_logits.flatten(1) > 0).float()
    return inside @ void > inside.sum(1) / 2


def resize_masks(masks: Float[Tensor, "n h w"], size_hw: torch.Size) -> Float[Tensor, "n point"]:
    """Return the masks averaged onto a coarser grid, flattened."""
    if masks.shape[1:] != size_hw:
        masks = functional.adaptive_avg_pool2d(masks, (size_hw[0], size_hw[1]))
    return masks.flatten(1)


def semantic_loss(
    logits: Float[Tensor, "batch label h w"], targets: list[SegmentTargets], totals: Totals
) -> Float[Tensor, ""]:
    """Return the cross entropy of all cells that are not void."""
    labels = torch.stack([target.semantic for target in targets])
    loss = functional.cross_entropy(logits.float(), labels, ignore_index=-1, reduction="none")
    per_image = [
        (cells if target.cell_scores is None else cells * target.cell_scores).sum()
        for cells, target in zip(loss, targets, strict=True)
    ]
    return torch.stack(per_image).sum() / max(totals.cells, 1)


def mask_loss(
    logits: Float[Tensor, "match point"],
    masks: Float[Tensor, "match point"],
    known: Float[Tensor, "match point"] | None = None,
) -> Float[Tensor, " match"]:
    """Return the mean binary cross entropy of every prediction with its own segment.

    Args:
        known: weight of each place, its share that is not void; `masks` are shares of the whole
            place. None: all 1.
    """
    if known is None:
        loss = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
        return loss.mean(-1)
    loss = known * functional.softplus(logits) - masks * logits
    return loss.sum(-1) / known.sum(-1).clamp(min=1)


def dice_loss(
    logits: Float[Tensor, "match point"],
    masks: Float[Tensor, "match point"],
    known: Float[Tensor, "match point"] | None = None,
) -> Float[Tensor, " match"]:
    """Return 1 - dice (with Mask2Former's +1) of every prediction with its own segment.

    Args:
        known: as in `mask_loss`.
    """
    probs = logits.sigmoid() if known is None else logits.sigmoid() * known
    return 1 - (2 * (probs * masks).sum(-1) + 1) / (probs.sum(-1) + masks.sum(-1) + 1)


def relation_targets(
    triplets: Int[Tensor, "triplet 3"], pairs: Int[Tensor, "pair 2"], num_predicates: int
) -> Float[Tensor, "pair column"]:
    """Return multi-hot targets of directed pairs; column 0 is 1 where nothing is annotated.

    An unannotated reverse of an annotated pair therefore counts as "no relation".
    """
    targets = torch.zeros(len(pairs), num_predicates + 1)
    same = (pairs[:, None] == triplets[None, :, :2]).all(-1)
    pair_index, triplet_index = same.nonzero(as_tuple=True)
    targets[pair_index, triplets[triplet_index, 2] + 1] = 1
    targets[:, 0] = (targets[:, 1:].sum(-1) == 0).float()
    return targets


def consistency_loss(
    parts: tuple[Tensor, Tensor], swapped_parts: tuple[Tensor, Tensor], num_pairs: float = 0
) -> Float[Tensor, ""]:
    """Return DSFlash's equation 7: swapping the masks must swap the two halves.

    Args:
        num_pairs: what to divide by where the pairs are a part of a batch; 0: there are no others.
    """
    forward_part, backward_part = (part.float() for part in parts)
    swapped_forward, swapped_backward = (part.float() for part in swapped_parts)
    squares = (forward_part - swapped_backward) ** 2 + (backward_part - swapped_forward) ** 2
    return squares.sum() / ((num_pairs or len(squares)) * squares.shape[1])
