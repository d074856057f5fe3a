# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of stage 2: L_rel + 0.6 L_rqc + L_mask, and the cross entropy of objects."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.network import Found, Related, SpadeNetwork, Words
from psg_ros.network.spade.pair_selection import pair_loss
from psg_ros.training.config import SegmentationTraining
from psg_ros.training.losses import dice_loss, mask_loss, relation_targets, resize_masks
from psg_ros.training.segmenter.matcher import match
from psg_ros.training.spade.examples import SpadeExample

MATCHING = SegmentationTraining()
"""Costs of matching and weights inside L_mask: Mask2Former's."""


def spade_losses(
    network: SpadeNetwork, example: SpadeExample, words: Words
) -> dict[str, Float[Tensor, ""]]:
    """Return the weighted losses of one image by name.

    Raises:
        FloatingPointError: predictions that are not finite.
    """
    config = network.config
    external = config.mask_source == "external"
    masks = example.masks if external else None
    found = network.find(example.features, example.image_hw, words, masks)
    if external:
        nodes = segments = torch.arange(len(example.labels))
        losses: dict[str, Tensor] = {}
    else:
        nodes, segments, losses = _masks(found, example, config)
    triplets = of_nodes(example.triplets, nodes, segments)
    related = network.relate(found, words, triplets[:, :2])
    return losses | {
        "object": _objects(found, example.labels[segments], nodes),
        "relation": config.relation_weight * _relations(related, triplets, config),
        "rqc": config.lambda_rqc * pair_loss(found.affinity, triplets),
    }


def of_nodes(
    triplets: Int[Tensor, "triplet 3"],
    nodes: Int[Tensor, " match"],
    segments: Int[Tensor, " match"],
) -> Int[Tensor, "kept 3"]:
    """Return the triplets between the nodes that stand for segments; others are left out."""
    place = torch.full((int(triplets[:, :2].max()) + 1 if len(triplets) else 0,), -1)
    inside = segments < len(place)
    place[segments[inside]] = nodes[inside]
    ends = place[triplets[:, :2]]
    return torch.cat((ends, triplets[:, 2:]), dim=1)[(ends >= 0).all(1)]


def _masks(
    found: Found, example: SpadeExample, config: SpadeConfig
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Return nodes, their segments, and L_mask."""
    assert found.mask_logits is not None, "internal masks have logits"
    logits = found.mask_logits.flatten(1)
    truth = resize_masks(example.masks, found.mask_logits.shape[1:])
    nodes, segments = match(found.object_logits, logits, example.labels, truth, MATCHING)
    count = max(len(nodes), 1)
    pixels = mask_loss(logits[nodes], truth[segments]).sum() / count
    dice = dice_loss(logits[nodes], truth[segments]).sum() / count
    weighed = MATCHING.mask_weight * pixels + MATCHING.dice_weight * dice
    return nodes, segments, {"mask": config.lambda_mask * weighed}


def _objects(found: Found, labels: Tensor, nodes: Tensor) -> Tensor:
    """Return the cross entropy of all nodes; those that stand for nothing should be no word."""
    logits = found.object_logits
    if not len(logits):
        return logits.sum()
    none = logits.shape[1] - 1
    wanted = torch.full((len(logits),), none)
    wanted[nodes] = labels
    weights = torch.where(wanted == none, MATCHING.no_object_weight, 1.0)
    losses = functional.cross_entropy(logits, wanted, reduction="none")
    return losses @ weights / weights.sum()


def _relations(related: Related, triplets: Tensor, config: SpadeConfig) -> Tensor:
    """Return the cross entropy of the pairs; several predicates of one share its target."""
    if not len(related.pairs):
        return related.logits.sum()
    targets = relation_targets(triplets, related.pairs, related.logits.shape[1] - 1)
    targets = targets.roll(-1, dims=1)  # there "no relation" comes first
    targets = targets / targets.sum(1, keepdim=True)
    weights = torch.where(targets[:, -1] > 0, config.no_relation_weight, 1.0)
    losses = functional.cross_entropy(related.logits, targets, reduction="none")
    return losses @ weights / weights.sum()
