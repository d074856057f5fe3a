# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A packed neck of fixed shapes says what the neck says, and says so when it has no room."""

import pytest
import torch

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.fixed_packing import FixedPackedRelations, lay_out
from psg_ros.network.segmenters.eomt_config import EomtConfig

PAIRS, CELLS = 9, 16


@pytest.fixture(params=["gate", "none"])
def stage(request) -> RelationStage:
    """One that answers both directions at once, and one that asks the neck for each."""
    torch.manual_seed(0)
    segmenter = EomtConfig(
        input_hw=(192, 192), dim=32, depth=4, num_heads=2, num_queries=16, num_query_blocks=2,
        taps=(0, 1, 2, 3),
    )  # fmt: skip
    relations = RelationConfig(
        dim=24, depth=3, num_heads=2, head_hidden=16, prune=True, split=request.param
    )
    config = ModelConfig(name="tiny", segmenter=segmenter, relations=relations)
    return RelationStage(config, num_predicates=5).eval()


def arguments(seed: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    overlaps = torch.rand(2, PAIRS, CELLS, generator=generator)
    overlaps = overlaps * (torch.rand(2, PAIRS, CELLS, generator=generator) < 0.3)
    overlaps[:, 4] = 0  # a pair of two empty slots keeps no cell at all
    tokens = torch.randn(1, CELLS, 24, generator=generator)
    return tokens, overlaps[0], overlaps[1], torch.rand(PAIRS, 8, generator=generator)


@pytest.mark.parametrize("spare", [0, 1, 50])
@torch.inference_mode()
def test_it_gives_what_the_pruned_neck_gives(stage: RelationStage, spare: int) -> None:
    tokens, subject, other, boxes = arguments(1)
    room = int((subject + other > 0).sum()) + 2 * PAIRS + spare
    expected = stage(tokens, subject, other, boxes)
    *found, needed = FixedPackedRelations(stage, room)(tokens, subject, other, boxes)
    assert needed == room - spare
    for one, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(one, reference, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_too_little_room_is_said_and_breaks_nothing(stage: RelationStage) -> None:
    tokens, subject, other, boxes = arguments(2)
    needed = int((subject + other > 0).sum()) + 2 * PAIRS
    for room in (needed - 1, 3):
        *logits, said = FixedPackedRelations(stage, room)(tokens, subject, other, boxes)
        assert said == needed and all(one.shape == (PAIRS, 6) for one in logits)


def test_rows_stand_pair_after_pair_in_the_order_of_the_cells() -> None:
    keep = torch.tensor([[True, False, True], [False, False, False], [False, True, False]])
    rows = lay_out(keep, room=10)
    assert rows.starts.tolist() == [0, 4, 6, 9]
    assert rows.pair[:9].tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    assert rows.slot[:9].tolist() == [0, 1, 2, 4, 0, 1, 0, 1, 3]
    assert rows.needed == lay_out(keep, room=8).needed == 9
