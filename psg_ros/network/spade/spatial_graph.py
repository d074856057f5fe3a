# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which segments are neighbours: near each other in the image, or alike."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from psg_ros.network.spade.config import SpadeConfig


def spatial_semantic_graph(
    nodes: Float[Tensor, "node dim"],
    masks: Float[Tensor, "node h w"],
    image_hw: tuple[int, int],
    config: SpadeConfig,
) -> Bool[Tensor, "node node"]:
    """Return who is whose neighbour: symmetric, and nobody is its own.

    Args:
        masks: 0..1 over the whole image, on any grid; not empty.
        image_hw: of the image [px], for distances.
    """
    if config.adjacency == "centroid":
        near = centroid_distances(masks, image_hw) < config.adjacency_frac * image_hw[1]
    else:
        near = touching(masks)
    alike = cosines(nodes, center=config.center_nodes) > config.eta_graph
    return (near | alike) & ~torch.eye(len(nodes), dtype=torch.bool, device=nodes.device)


def centroid_distances(
    masks: Float[Tensor, "node h w"], image_hw: tuple[int, int]
) -> Float[Tensor, "node node"]:
    """Return the px between the centroids of any two masks."""
    height, width = masks.shape[1:]
    weights = masks / masks.sum((1, 2), keepdim=True).clamp(min=1e-6)
    rows = (torch.arange(height).to(masks) + 0.5) * (image_hw[0] / height)
    columns = (torch.arange(width).to(masks) + 0.5) * (image_hw[1] / width)
    centroids = torch.stack((weights.sum(2) @ rows, weights.sum(1) @ columns), dim=1)
    return (centroids[:, None] - centroids[None]).norm(dim=-1)


def touching(masks: Float[Tensor, "node h w"]) -> Bool[Tensor, "node node"]:
    """Return which masks overlap once one of them has grown by a cell."""
    inside = (masks > 0.5).float()
    grown = functional.max_pool2d(inside, 3, stride=1, padding=1)
    meet = grown.flatten(1) @ inside.flatten(1).T > 0
    return meet | meet.T


def cosines(nodes: Float[Tensor, "node dim"], *, center: bool) -> Float[Tensor, "node node"]:
    """Return how alike any two nodes are, -1..1.

    Args:
        center: take the mean of all nodes off first.
    """
    if center:
        nodes = nodes - nodes.mean(0, keepdim=True)
    directions = functional.normalize(nodes, dim=-1)
    return directions @ directions.T
