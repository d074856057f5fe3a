# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who is whose neighbour, and what nodes learn of each other."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tiny_spade import seeded

from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.pair_selection import PairSelection, pair_loss
from psg_ros.network.spade.relation_graph import RelationGraphTransformer, mean_of
from psg_ros.network.spade.spatial_graph import (
    centroid_distances,
    cosines,
    spatial_semantic_graph,
    touching,
)

CONFIG = SpadeConfig(dim=32, heads=4, rgt_layers=2)
NODES = torch.randn(5, 32, generator=seeded(1))
APART = torch.eye(5, 32)
"""Nodes that are not alike."""


def square(row: int, column: int) -> torch.Tensor:
    mask = torch.zeros(12, 12)
    mask[row : row + 2, column : column + 2] = 1
    return mask


def transformer() -> RelationGraphTransformer:
    torch.manual_seed(0)
    return RelationGraphTransformer(CONFIG).eval()


def test_neighbours_are_nearer_than_a_third_of_the_width() -> None:
    masks = torch.stack((square(0, 0), square(0, 3), square(0, 5), square(10, 0)))
    # 240 x 120 px: a cell is 20 px high and 10 px wide, the limit 40 px.
    torch.testing.assert_close(
        centroid_distances(masks, (240, 120))[0], torch.tensor([0.0, 30.0, 50.0, 200.0])
    )
    graph = spatial_semantic_graph(APART[:4], masks, (240, 120), CONFIG)
    expected = torch.zeros(4, 4, dtype=torch.bool)
    for one, other in ((0, 1), (1, 2)):
        expected[one, other] = expected[other, one] = True
    assert torch.equal(graph, expected)


def test_nodes_that_are_alike_are_neighbours_wherever_they_are() -> None:
    nodes = APART[:2].clone()
    nodes[1] = nodes[0] + 0.5 * nodes[1]
    masks = torch.stack((square(0, 0), square(10, 10)))
    assert spatial_semantic_graph(nodes, masks, (240, 240), CONFIG).sum() == 2
    stricter = dataclasses.replace(CONFIG, eta_graph=0.95)
    assert spatial_semantic_graph(nodes, masks, (240, 240), stricter).sum() == 0


def test_masks_touch_where_a_cell_of_growth_joins_them() -> None:
    masks = torch.stack((square(0, 0), square(2, 2), square(0, 4)))
    meet = touching(masks)
    assert meet[0, 1] and meet[1, 2] and not meet[0, 2]
    assert torch.equal(meet, meet.T)


def test_without_centring_nodes_with_a_common_part_all_look_alike() -> None:
    nodes = NODES + 10 * torch.ones(32)
    assert cosines(nodes, center=False).min() > 0.9
    assert cosines(nodes, center=True).min() < 0


@pytest.mark.parametrize("neighbours", ["none", "all", "some"])
def test_a_node_without_neighbours_or_others_stays_finite(neighbours: str) -> None:
    graph = torch.zeros(5, 5, dtype=torch.bool)
    if neighbours == "all":
        graph = ~torch.eye(5, dtype=torch.bool)
    elif neighbours == "some":  # the last two have none
        graph[0, 1] = graph[1, 0] = graph[1, 2] = graph[2, 1] = True
    nodes = NODES.clone().requires_grad_()
    out = transformer()(nodes, graph)
    out.square().sum().backward()
    assert out.isfinite().all() and nodes.grad.isfinite().all()


def test_the_mean_of_nobody_is_0() -> None:
    assert torch.equal(mean_of(NODES, torch.zeros(5, 5, dtype=torch.bool)), torch.zeros(5, 32))


def test_permuting_nodes_permutes_what_they_learn() -> None:
    graph = torch.zeros(5, 5, dtype=torch.bool)
    graph[0, 1] = graph[1, 0] = graph[1, 3] = graph[3, 1] = True
    order = torch.tensor([3, 0, 4, 1, 2])
    network = transformer()
    torch.testing.assert_close(
        network(NODES[order], graph[order][:, order]), network(NODES, graph)[order]
    )


def test_others_are_told_apart_from_neighbours() -> None:
    network, none = transformer(), torch.zeros(5, 5, dtype=torch.bool)
    everybody = ~torch.eye(5, dtype=torch.bool)
    assert (network(NODES, none) - network(NODES, everybody)).abs().max() > 1e-2


def test_a_node_learns_of_neighbours_and_of_others() -> None:
    network, graph = transformer(), torch.zeros(5, 5, dtype=torch.bool)
    graph[0, 1] = graph[1, 0] = True
    for changed in (1, 4):  # a neighbour of node 0, and none
        nodes = NODES.clone()
        nodes[changed] += torch.randn(32, generator=seeded(2))
        assert (network(nodes, graph) - network(NODES, graph))[0].abs().max() > 1e-4


def test_pairs_are_chosen_by_affinity_in_both_directions() -> None:
    selection = PairSelection(dataclasses.replace(CONFIG, min_pairs=2, max_pairs=4))
    affinity = torch.zeros(4, 4)
    for one, other, score in ((0, 1, 0.7), (1, 2, 0.9), (0, 3, 0.8)):
        affinity[one, other] = affinity[other, one] = score
    assert selection.choose(affinity).tolist() == [[1, 2], [2, 1], [0, 3], [3, 0]]


def test_where_no_affinity_passes_the_best_pairs_are_looked_at() -> None:
    selection = PairSelection(dataclasses.replace(CONFIG, min_pairs=2))
    affinity = torch.tensor([[1.0, -0.2, 0.1], [-0.2, 1.0, -0.3], [0.1, -0.3, 1.0]])
    assert selection.choose(affinity).tolist() == [[0, 2], [2, 0]]
    assert selection.choose(affinity[:1, :1]).shape == (0, 2)
    assert selection.choose(affinity[:0, :0]).shape == (0, 2)


def test_the_loss_of_pairs_wants_1_for_related_ones_and_0_for_others() -> None:
    triplets = torch.tensor([[0, 1, 3], [0, 1, 4], [2, 1, 0]])
    right = torch.eye(4)
    for one, other in ((0, 1), (1, 0), (2, 1), (1, 2)):
        right[one, other] = 1
    assert pair_loss(right, triplets) == 0
    # Of the 12 entries off the diagonal 4 should be 1.
    assert pair_loss(torch.eye(4), triplets) == pytest.approx(4 / 12)
    assert pair_loss(torch.eye(1), triplets[:0]) == 0


def test_the_query_of_a_pair_depends_on_its_direction() -> None:
    torch.manual_seed(0)
    selection = PairSelection(CONFIG)
    queries = selection(NODES, torch.tensor([[0, 1], [1, 0]]))
    assert (queries[0] - queries[1]).abs().max() > 0.1
