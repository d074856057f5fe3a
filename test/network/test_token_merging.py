# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Token merging equals the published package; off, the network is what it was."""

import dataclasses
import math

import pytest
import torch
from tomesd.merge import bipartite_soft_matching_random2d

from psg_ros.network.layers import Attention, axial_rope
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.token_merging import TokenMerging

CPU = torch.device("cpu")
DIM = 48
RATIOS = [0.3, 0.4, 0.5, 0.6]
GRIDS = [(12, 12), (9, 12), (12, 7), (15, 21), (40, 40)]


def random_attention() -> Attention:
    torch.manual_seed(1)
    return Attention(DIM, num_heads=2).eval()


def published(metric, ratio, grid_hw):
    """Return merge and unmerge of the package, destinations in the top-left corners."""
    height, width = grid_hw
    count = int(height * width * ratio)
    return bipartite_soft_matching_random2d(metric, width, height, 2, 2, count, no_rand=True)


@pytest.mark.parametrize("ratio", [*RATIOS, 0.0, 0.1, 0.75, 0.9])
@pytest.mark.parametrize("grid_hw", GRIDS)
def test_merged_and_copied_back_equals_the_package(grid_hw, ratio):
    torch.manual_seed(0)
    metric = torch.randn(2, math.prod(grid_hw), DIM)
    values = torch.randn(2, math.prod(grid_hw), DIM)
    merge, unmerge = published(metric, ratio, grid_hw)
    merging = TokenMerging(grid_hw, ratio, CPU)
    plan = merging.plan(metric)
    ours = merging.merge(values, plan)
    assert ours.shape == merge(values).shape
    torch.testing.assert_close(
        merging.unmerge(ours, plan), unmerge(merge(values)), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("grid_hw", GRIDS[:4])
def test_attention_over_merged_patches_equals_the_package(grid_hw, ratio):
    """Without rotary code; prefix tokens stay whole and are seen by everything."""
    torch.manual_seed(0)
    attention = random_attention()
    tokens, normed = torch.randn(2, 2, 5 + math.prod(grid_hw), DIM)
    merge, unmerge = published(tokens[:, 5:], ratio, grid_hw)
    with torch.no_grad():
        mixed = attention(torch.cat((normed[:, :5], merge(normed[:, 5:])), dim=1))
        expected = torch.cat((mixed[:, :5], unmerge(mixed[:, 5:])), dim=1)
        ours = TokenMerging(grid_hw, ratio, CPU).attend(attention, tokens, normed, None)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.3, 1120), (0.4, 960), (0.5, 800), (0.6, 640), (0.9, 400)]
)
def test_published_number_of_tokens_is_left_of_forty_by_forty(ratio, expected):
    plan = TokenMerging((40, 40), ratio, CPU).plan(torch.randn(1, 1600, 8))
    assert plan.kept.shape == (1, expected)


def test_left_over_row_and_column_are_sources():
    merging = TokenMerging((3, 5), 0.5, CPU)
    assert merging.destinations.tolist() == [0, 2]
    assert merging.sources.tolist() == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]


def test_kept_tokens_keep_the_angles_of_their_own_patch():
    """With all values of a merged group equal, merging must not show, rotary code or not."""
    torch.manual_seed(0)
    grid_hw, attention = (4, 6), random_attention()
    patches = torch.randn(1, 24, DIM)
    merging = TokenMerging(grid_hw, 0.4, CPU)
    plan = merging.plan(patches)
    rope = axial_rope(grid_hw, DIM // 2)
    kept = plan.kept[0]
    with torch.no_grad():
        ours = merging.attend(attention, patches, patches, rope)[0, kept]
        tables = (rope[0][kept], rope[1][kept])
        expected = attention(merging.merge(patches, plan), tables)[0]
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)
    assert not torch.equal(tables[0], rope[0][: len(kept)]), "the order of the list matters here"


@pytest.mark.parametrize("batch", [1, 2])
def test_mean_code_is_the_mean_over_the_patches_of_each_kept_token(batch):
    torch.manual_seed(0)
    grid_hw, attention = (4, 6), random_attention()
    patches, rope = torch.randn(batch, 24, DIM), axial_rope(grid_hw, DIM // 2)
    merging = TokenMerging(grid_hw, 0.4, CPU, "mean")
    plan = merging.plan(patches)
    groups = [[row == r for r in range(plan.kept.shape[1])] for row in plan.origin]
    tables = [
        torch.stack([torch.stack([t[own].mean(dim=0) for own in image]) for image in groups])
        for t in rope
    ]
    with torch.no_grad():
        ours = merging.attend(attention, patches, patches, rope)
        mixed = attention(merging.merge(patches, plan), tuple(t[:, None] for t in tables))
    torch.testing.assert_close(ours, merging.unmerge(mixed, plan), atol=1e-6, rtol=0)
    own = TokenMerging(grid_hw, 0.4, CPU).attend(attention, patches, patches, rope)
    assert not torch.allclose(ours, own, atol=1e-3)


def test_mean_code_of_tokens_that_nothing_merges_into_is_their_own():
    attention, rope = random_attention(), axial_rope((4, 6), DIM // 2)
    patches = torch.randn(1, 24, DIM)
    results = [
        TokenMerging((4, 6), 0.0, CPU, rule).attend(attention, patches, patches, rope)
        for rule in ("own", "mean")
    ]
    torch.testing.assert_close(*results, atol=1e-6, rtol=0)


def test_plan_is_made_for_each_image_of_a_batch():
    torch.manual_seed(0)
    attention, rope = random_attention(), axial_rope((6, 9), DIM // 2)
    tokens, merging = torch.randn(3, 4 + 54, DIM), TokenMerging((6, 9), 0.5, CPU)
    with torch.no_grad():
        together = merging.attend(attention, tokens, tokens, rope)
        alone = [merging.attend(attention, image[None], image[None], rope) for image in tokens]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)


def with_ratio(segmenter: Eomt, ratio: float) -> Eomt:
    """Return a network of the same weights with another merge ratio."""
    config = dataclasses.replace(segmenter.config, merge_ratio=ratio)
    other = Eomt(config, segmenter.num_labels).eval()
    other.load_state_dict(segmenter.state_dict())
    return other


def outputs(segmenter: Eomt, pixels: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        class_logits, mask_logits, taps = segmenter(pixels)
    return [class_logits, mask_logits, *taps]


def test_off_is_bit_for_bit_the_network_without_merging(small_model):
    segmenter = small_model.segmenter
    height, width = segmenter.config.input_hw
    pixels = torch.rand(2, 3, height, width) * 255
    with torch.no_grad():
        tokens, grid_hw = segmenter.embed(pixels)
        rope = segmenter.rope(grid_hw, tokens.device)
        for index, block in enumerate(segmenter.blocks):
            tokens = segmenter.join_queries(tokens) if index == 2 else tokens
            mixed = block.attention(block.norm1(tokens), rope, None)
            tokens = tokens + block.layer_scale1(mixed)
            tokens = tokens + block.layer_scale2(block.mlp(block.norm2(tokens)))
        class_logits, mask_logits, _ = segmenter.predict(tokens, grid_hw)
    ours = outputs(segmenter, pixels)
    assert segmenter.config.merge_ratio == 0.0
    assert torch.equal(ours[0], class_logits) and torch.equal(ours[1], mask_logits)


def test_network_changes_little_by_little_with_the_ratio(small_model):
    """Shapes stay; a block that merges nothing is exact, one that merges much is not."""
    height, width = small_model.config.segmenter.input_hw
    pixels = torch.rand(2, 3, height, width) * 255
    whole = outputs(small_model.segmenter, pixels)
    nothing = outputs(with_ratio(small_model.segmenter, 0.01), pixels)
    half = outputs(with_ratio(small_model.segmenter, 0.5), pixels)
    for ours, expected in zip(nothing, whole, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    assert [t.shape for t in half] == [t.shape for t in whole]
    assert all(t.isfinite().all() for t in half)
    assert not torch.allclose(half[1], whole[1], atol=1e-3)


def test_rule_for_rotary_codes_is_the_networks_switch(small_model):
    """It shows only where there are rotary codes and something merges."""
    segmenter = small_model.segmenter
    height, width = segmenter.config.input_hw
    pixels = torch.rand(1, 3, height, width) * 255
    for ratio, shows in ((0.0, False), (0.5, segmenter.config.position == "rope")):
        own, mean = with_ratio(segmenter, ratio), with_ratio(segmenter, ratio)
        mean.config = dataclasses.replace(own.config, merge_rope="mean")
        same = torch.allclose(outputs(own, pixels)[1], outputs(mean, pixels)[1], atol=1e-5)
        assert same != shows


def test_uniform_image_merges_without_a_trace():
    """All patches equal and no position: their mean is any of them."""
    torch.manual_seed(0)
    attention = random_attention()
    tokens = torch.randn(1, 1, DIM).expand(1, 30, DIM).contiguous()
    with torch.no_grad():
        merged = TokenMerging((5, 6), 0.5, CPU).attend(attention, tokens, tokens, None)
        torch.testing.assert_close(merged, attention(tokens), atol=1e-6, rtol=0)


@pytest.mark.parametrize("ratio", [-0.1, 1.0])
def test_impossible_ratios_are_refused(ratio):
    with pytest.raises(ValueError, match="merge_ratio"):
        EomtConfig(merge_ratio=ratio)
