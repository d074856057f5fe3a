# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The packed neck is the neck with pruned tokens masked."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.mask_embedding import kept_cells
from psg_ros.network.packed_neck import WIDTH_STEP, pack, packed_pair_vectors
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.robot.ops.overlap import overlap_ratios
from psg_ros.robot.ops.regions import measure_regions

GRID_HW, CELL_PX = (7, 9), (6, 6)
CANVAS_HW = (GRID_HW[0] * CELL_PX[0] + 4, GRID_HW[1] * CELL_PX[1] + 2)
DIM = 24


def make_stage(**changes: object) -> RelationStage:
    """Return random weights in evaluation mode; a grid of 7 x 9 relation cells."""
    torch.manual_seed(0)
    relations = RelationConfig(dim=DIM, depth=3, num_heads=2, head_hidden=16)
    segmenter = EomtConfig(
        input_hw=(7 * 3 * 16, 9 * 3 * 16), dim=16, depth=4, num_heads=2, taps=(0, 1)
    )
    config = ModelConfig(
        "small", segmenter=segmenter, relations=dataclasses.replace(relations, **changes)
    )
    return RelationStage(config, num_predicates=4).eval()


def partition(num_masks: int, seed: int = 0) -> np.ndarray:
    """Return int32 [h, w]: rectangles from the border inwards, later ones on top; rest is void."""
    rng, (height, width) = np.random.default_rng(seed), CANVAS_HW
    label_map = np.full(CANVAS_HW, -1, np.int32)
    for mask in range(num_masks):
        top, left = rng.integers(0, height - 3), rng.integers(0, width - 3)
        bottom, right = top + rng.integers(2, height), left + rng.integers(2, width)
        label_map[top:bottom, left:right] = mask
    return label_map


def pair_inputs(label_map: np.ndarray, num_masks: int) -> tuple[torch.Tensor, ...]:
    """Return subject overlap, object overlap and boxes of all pairs i < j."""
    overlap = torch.from_numpy(overlap_ratios(label_map, 1, num_masks, GRID_HW, CELL_PX))
    boxes = measure_regions(label_map, num_masks).bbox_xyxy.astype(np.float32)
    boxes = torch.from_numpy(boxes) / 30 - 1
    first, second = torch.triu_indices(num_masks, num_masks, offset=1)
    return overlap[first], overlap[second], torch.cat((boxes[first], boxes[second]), dim=1)


def masked(stage: RelationStage, patch_tokens, subject, other, boxes) -> torch.Tensor:
    """Return the dense neck's vectors with pruned tokens masked."""
    tokens = stage.mask_embedding(patch_tokens, subject, other)
    return stage.neck(tokens, boxes, keep=kept_cells(subject, other))


@pytest.mark.parametrize("position", ["every_block", "first", "none"])
@pytest.mark.parametrize("num_masks", [0, 1, 2, 5, 13, 60])
def test_packed_equals_dense_with_mask(num_masks, position):
    stage = make_stage(position=position)
    subject, other, boxes = pair_inputs(partition(num_masks), num_masks)
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    image = torch.zeros(len(boxes), dtype=torch.int64)
    with torch.no_grad():
        packed = packed_pair_vectors(stage, tokens, image, subject, other, boxes)
        expected = masked(stage, tokens, subject, other, boxes)
    assert packed.shape == (num_masks * (num_masks - 1) // 2, DIM)
    torch.testing.assert_close(packed, expected, atol=1e-5, rtol=0)


def test_dense_with_mask_equals_each_pair_alone_on_its_kept_tokens():
    """The reference itself, checked without any mask: pruned tokens are really left out."""
    stage = make_stage()
    subject, other, boxes = pair_inputs(partition(6), 6)
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    with torch.no_grad():
        expected = masked(stage, tokens, subject, other, boxes)
        pair_tokens = stage.mask_embedding(tokens, subject, other)
        for row, keep in enumerate(kept_cells(subject, other)):
            cells = keep.nonzero()[:, 0][None]
            alone = stage.neck(pair_tokens[row : row + 1, keep], boxes[row : row + 1], cells=cells)
            torch.testing.assert_close(alone[0], expected[row], atol=1e-5, rtol=0)


def test_nothing_pruned_is_the_neck_as_it_is():
    stage = make_stage()
    subject = torch.rand(9, GRID_HW[0] * GRID_HW[1]) * 0.5 + 0.01
    tokens, boxes = torch.randn(1, subject.shape[1], DIM), torch.randn(9, 8)
    image = torch.zeros(9, dtype=torch.int64)
    with torch.no_grad():
        packed = packed_pair_vectors(stage, tokens, image, subject, subject, boxes)
        expected = stage.pair_vectors(tokens, subject, subject, boxes)
    torch.testing.assert_close(packed, expected, atol=1e-5, rtol=0)


def test_pruning_changes_the_result():
    """Otherwise the tests above would compare nothing."""
    stage = make_stage()
    subject, other, boxes = pair_inputs(partition(5), 5)
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    with torch.no_grad():
        dense = stage.pair_vectors(tokens, subject, other, boxes)
        pruned = masked(stage, tokens, subject, other, boxes)
    assert not torch.allclose(dense, pruned, atol=1e-3)


def test_stage_that_prunes_is_the_packed_neck():
    stage = make_stage(prune=True)
    subject, other, boxes = pair_inputs(partition(7), 7)
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    image = torch.zeros(len(boxes), dtype=torch.int64)
    with torch.no_grad():
        packed = packed_pair_vectors(stage, tokens, image, subject, other, boxes)
        torch.testing.assert_close(
            packed, stage.pair_vectors(tokens, subject, other, boxes), atol=1e-5, rtol=0
        )


def test_pair_without_any_cell_keeps_class_and_location_token():
    """Segments in the unused margin right of and below the last whole cells."""
    stage = make_stage()
    label_map = partition(3)
    label_map[label_map >= 1] = -1
    label_map[GRID_HW[0] * CELL_PX[0] :, :5] = 1
    label_map[GRID_HW[0] * CELL_PX[0] :, 5:10] = 2
    subject, other, boxes = pair_inputs(label_map, 3)
    assert kept_cells(subject, other).sum(dim=1)[2] == 0
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    image = torch.zeros(3, dtype=torch.int64)
    with torch.no_grad():
        packed = packed_pair_vectors(stage, tokens, image, subject, other, boxes)
        expected = masked(stage, tokens, subject, other, boxes)
    assert packed.isfinite().all()
    torch.testing.assert_close(packed, expected, atol=1e-5, rtol=0)


def test_masks_at_the_border_reach_the_outermost_cells():
    stage = make_stage()
    label_map = np.full(CANVAS_HW, -1, np.int32)
    label_map[:3], label_map[-7:], label_map[3:-7, :2], label_map[3:-7, -5:] = 0, 1, 2, 3
    subject, other, boxes = pair_inputs(label_map, 4)
    keep = kept_cells(subject, other).unflatten(1, GRID_HW)
    assert keep[0, 0].all() and keep[0, -1].all(), "top and bottom"
    assert keep[-1, 1:-1, 0].all() and keep[-1, 1:-1, -1].all(), "left and right"
    assert not keep[:, 2:-2, 2:-2].any(), "nothing in the middle"
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    image = torch.zeros(6, dtype=torch.int64)
    with torch.no_grad():
        packed = packed_pair_vectors(stage, tokens, image, subject, other, boxes)
        expected = masked(stage, tokens, subject, other, boxes)
    torch.testing.assert_close(packed, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("background", ["sum", "onoff"])
@pytest.mark.parametrize("counts", [(3, 0, 1, 14, 2), (0, 1, 2, 60), (0, 1), (60, 2)])
def test_images_of_a_batch_may_have_different_numbers_of_masks(counts, background):
    stage = make_stage(background=background)
    tokens = torch.randn(len(counts), GRID_HW[0] * GRID_HW[1], DIM)
    inputs = [pair_inputs(partition(n, seed), n) for seed, n in enumerate(counts)]
    subject, other, boxes = (torch.cat(parts) for parts in zip(*inputs, strict=True))
    image = torch.repeat_interleave(torch.tensor([len(own) for _, _, own in inputs]))
    with torch.no_grad():
        together = packed_pair_vectors(stage, tokens, image, subject, other, boxes)
        expected = masked(stage, tokens[image], subject, other, boxes)
    assert len(together) == sum(n * (n - 1) // 2 for n in counts)
    torch.testing.assert_close(together, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("prune", [False, True])
@pytest.mark.parametrize("counts", [(0, 1, 2, 60), (60, 2, 1, 0), (1, 0)])
def test_dense_stage_gives_images_of_a_batch_what_it_gives_them_alone(counts, prune):
    stage = make_stage(prune=prune)
    tokens = torch.randn(len(counts), GRID_HW[0] * GRID_HW[1], DIM)
    inputs = [pair_inputs(partition(n, seed), n) for seed, n in enumerate(counts)]
    pairs = [torch.cat(parts) for parts in zip(*inputs, strict=True)]
    image = torch.repeat_interleave(torch.tensor([len(own) for _, _, own in inputs]))
    with torch.no_grad():
        together = stage(tokens[image], *pairs)
        alone = [stage(own[None], *parts) for own, parts in zip(tokens, inputs, strict=True)]
    for found, expected in zip(together, zip(*alone, strict=True), strict=True):
        assert found.shape == (sum(n * (n - 1) // 2 for n in counts), 5)
        torch.testing.assert_close(found, torch.cat(expected), atol=1e-5, rtol=0)


def test_gradients_are_those_of_the_dense_neck_with_mask():
    stage = make_stage()
    subject, other, boxes = pair_inputs(partition(6), 6)
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    image = torch.zeros(len(boxes), dtype=torch.int64)
    gradients = []
    for run in (
        lambda: packed_pair_vectors(stage, tokens, image, subject, other, boxes),
        lambda: masked(stage, tokens, subject, other, boxes),
    ):
        stage.zero_grad()
        run().square().mean().backward()
        gradients.append([p.grad.clone() for p in stage.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 20
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


def test_rows_are_the_kept_tokens_sorted_by_length_and_buckets_waste_little():
    keep = torch.rand(40, 63) < torch.rand(40, 1)
    packing = pack(keep)
    lengths = keep.sum(dim=1) + 2
    assert len(packing.slot) == lengths.sum()
    assert torch.equal(lengths[packing.order], lengths.sort().values)
    assert torch.equal(packing.pair.unique_consecutive(), packing.order)
    covered = torch.cat([bucket.rows[bucket.valid] for bucket in packing.buckets])
    assert torch.equal(covered, torch.arange(len(packing.slot))), "every row once, in order"
    for bucket in packing.buckets:
        assert bucket.rows.shape[1] % WIDTH_STEP == 0
        assert (~bucket.valid).sum(dim=1).max() < WIDTH_STEP


def flops(run) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def test_work_of_many_masks_is_a_fraction_of_the_dense_neck():
    stage = make_stage()
    subject, other, boxes = pair_inputs(partition(24), 24)
    tokens = torch.randn(1, GRID_HW[0] * GRID_HW[1], DIM)
    image = torch.zeros(len(boxes), dtype=torch.int64)
    packed = flops(lambda: packed_pair_vectors(stage, tokens, image, subject, other, boxes))
    dense = flops(lambda: stage.pair_vectors(tokens, subject, other, boxes))
    assert dense > 2 * packed
