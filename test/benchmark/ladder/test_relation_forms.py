# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Steps that must give the same graph do; those that are another network do not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.benchmark.ladder.frame import Frame, FrameResult
from psg_ros.benchmark.ladder.inputs import read_picture, read_vocabulary
from psg_ros.benchmark.ladder.measurement import build_frame
from psg_ros.benchmark.ladder.relation_forms import ordered_pairs
from psg_ros.benchmark.ladder.settings import LadderSettings
from psg_ros.benchmark.ladder.steps import (
    BOTH_WAYS,
    CLASS_ONLY,
    DSFORMER,
    PACKED,
    PER_MASK,
    PRUNE,
    PRUNE_MASKED,
    RAW,
    SHARED,
    STEPS,
    TOME,
    Step,
)
from psg_ros.benchmark.ladder.work import frame_flops, pair_tokens
from psg_ros.network.mask_embedding import kept_cells

IN_TORCH = [step for step in STEPS if not step.deployed]
ORDERED, UNORDERED = 20, 10


def run(step: Step, settings: LadderSettings) -> FrameResult:
    return build_frame(step, settings)([read_picture(settings)])[0]


@pytest.mark.parametrize("step", IN_TORCH, ids=lambda step: step.name)
def test_every_step_scores_all_directed_pairs_of_all_segments(step, tiny_settings):
    result = run(step, tiny_settings)
    assert result.masks.segmentation.num_segments == 5
    assert {tuple(pair) for pair in result.scores.pairs.tolist()} == {
        (a, b) for a in range(5) for b in range(5) if a != b
    }
    assert np.isfinite(result.scores.logits).all()
    assert len(result.triplets) == ORDERED


@pytest.mark.parametrize("step", IN_TORCH, ids=lambda step: step.name)
def test_sequences_halve_when_one_pass_answers_both_directions(step, tiny_settings):
    halved = step.name not in ("dsformer", "shared", "per_mask")
    assert len(run(step, tiny_settings).pairs.boxes) == (UNORDERED if halved else ORDERED)


def test_ratios_once_per_mask_are_bit_identical_to_ratios_per_pair(tiny_settings):
    per_pair, per_mask = run(SHARED, tiny_settings), run(PER_MASK, tiny_settings)
    assert torch.equal(per_pair.pairs.subject_overlap, per_mask.pairs.subject_overlap)
    np.testing.assert_array_equal(per_pair.scores.logits, per_mask.scores.logits)


@pytest.mark.parametrize(
    ("one", "other"),
    [(PRUNE_MASKED, PRUNE), (RAW, CLASS_ONLY)],
    ids=["gathered is masked", "class token alone is all tokens"],
)
def test_cheaper_form_gives_the_same_scores(one, other, tiny_settings):
    expected, found = run(one, tiny_settings), run(other, tiny_settings)
    np.testing.assert_allclose(found.scores.logits, expected.scores.logits, atol=1e-5)


def test_packed_neck_gives_the_scores_of_the_pruned_one_on_the_same_masks(tiny_settings):
    masked = dataclasses.replace(PACKED, prune="masked")
    expected, found = run(masked, tiny_settings), run(PACKED, tiny_settings)
    np.testing.assert_allclose(found.scores.logits, expected.scores.logits, atol=1e-5)


@pytest.mark.parametrize(
    ("before", "step"), [(BOTH_WAYS, PRUNE), (PRUNE, TOME), (CLASS_ONLY, PACKED)]
)
def test_steps_that_change_the_network_change_the_scores(before, step, tiny_settings):
    """Otherwise the tests above would compare nothing."""
    expected, found = run(before, tiny_settings), run(step, tiny_settings)
    assert np.abs(found.scores.logits - expected.scores.logits).max() > 1e-4


def test_enlarged_masks_merge_into_the_segments_of_the_raw_grid(tiny_settings):
    one, other = run(BOTH_WAYS, tiny_settings), run(RAW, tiny_settings)
    enlarged, raw = one.masks, other.masks
    assert enlarged.content_map.shape == (144, 192) and enlarged.stride == 1
    assert raw.content_map.shape == (36, 48) and raw.stride == 4
    same = enlarged.segmentation.label_map == raw.segmentation.label_map
    assert same.mean() > 0.9
    difference = (one.pairs.subject_overlap - other.pairs.subject_overlap).abs().max()
    assert 0 < difference < 0.1, "outlines differ by less than a cell"


def test_a_batch_gives_the_graph_of_each_picture(tiny_settings):
    frame, picture = build_frame(RAW, tiny_settings), read_picture(tiny_settings)
    other = picture[::-1].copy()
    together = frame([picture, other])
    for image, found in zip((picture, other), together, strict=True):
        np.testing.assert_allclose(found.scores.logits, frame([image])[0].scores.logits, atol=1e-4)
    assert not np.allclose(together[0].scores.logits, together[1].scores.logits, atol=1e-4)


def test_bfloat16_stays_near_float32(tiny_settings):
    half = dataclasses.replace(tiny_settings, dtype="bfloat16")
    for step in (RAW, PACKED):
        expected, found = run(step, tiny_settings), run(step, half)
        np.testing.assert_allclose(found.scores.logits, expected.scores.logits, atol=0.1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("step", IN_TORCH, ids=lambda step: step.name)
def test_gpu_gives_the_scores_of_the_cpu(step, tiny_settings):
    expected = run(step, tiny_settings)
    found = run(step, dataclasses.replace(tiny_settings, device="cuda"))
    np.testing.assert_allclose(found.scores.logits, expected.scores.logits, atol=1e-2)


def torch_flops(frame: Frame, picture: np.ndarray) -> int:
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        frame([picture])
    return counter.get_total_flops()


@pytest.mark.parametrize("step", IN_TORCH, ids=lambda step: step.name)
def test_arithmetic_of_a_whole_frame_agrees_with_torch(step, tiny_settings):
    frame, picture = build_frame(step, tiny_settings), read_picture(tiny_settings)
    pairs = frame([picture])[0].pairs
    kept = kept_cells(pairs.subject_overlap, pairs.object_overlap).sum(dim=1).numpy()
    tokens = pair_tokens(step, kept, pairs.subject_overlap.shape[1])
    vocabulary = read_vocabulary(tiny_settings)
    ours = sum(frame_flops(step, tiny_settings.model_config, tokens, vocabulary).values())
    assert ours == pytest.approx(torch_flops(frame, picture), rel=0.01)


def test_dsformer_looks_at_the_picture_a_second_time(tiny_settings):
    vocabulary, config = read_vocabulary(tiny_settings), tiny_settings.model_config
    tokens = pair_tokens(DSFORMER, np.full(ORDERED, 36), 36)
    stages = frame_flops(DSFORMER, config, tokens, vocabulary)
    assert stages["ResNet-50-FPN"] > 0.5 * sum(stages.values())
    assert "ResNet-50-FPN" not in frame_flops(SHARED, config, tokens, vocabulary)


def test_ordered_pairs_are_all_but_the_diagonal():
    assert ordered_pairs(3).tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]
