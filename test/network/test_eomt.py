# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch
from torch import nn

from psg_ros.network.layers import axial_rope, rotate
from psg_ros.network.segmenters.eomt import Eomt


def pixels(model, batch=2):
    height, width = model.config.segmenter.input_hw
    return torch.rand(batch, 3, height, width) * 255


def test_logits_and_taps_have_the_stated_shapes(small_model):
    class_logits, mask_logits, taps = small_model.segmenter(pixels(small_model))
    assert class_logits.shape == (2, 6, 5 + 1)
    assert mask_logits.shape == (2, 6, 24, 36)
    assert [tuple(tap.shape) for tap in taps] == [(2, 6 * 9, 32)] * 4


def test_last_deep_prediction_without_gates_is_the_deployed_prediction(small_model):
    images = pixels(small_model)
    with torch.no_grad():
        class_logits, mask_logits, _ = small_model.segmenter(images)
        *side, (last_class, last_mask, _) = small_model.segmenter.forward_deep(images, [0.0, 0.0])
    torch.testing.assert_close(last_class, class_logits)
    torch.testing.assert_close(last_mask, mask_logits)
    assert [tuple(masks.shape[2:]) for _, masks, _ in side] == [(6, 9), (6, 9)]


def test_images_of_a_batch_do_not_influence_each_other(small_model):
    images = pixels(small_model)
    with torch.no_grad():
        together = small_model.segmenter(images)[1]
        alone = torch.cat([small_model.segmenter(image[None])[1] for image in images])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_gate_restricts_only_what_queries_see_of_the_patches(small_model):
    segmenter = small_model.segmenter
    masks = torch.full((1, 6, 6, 9), -1.0)
    masks[0, 0, 2, 3] = 1.0
    allowed = segmenter.attention_gate(masks, num_tokens=6 + 5 + 54, chance=1.0)[0, 0]
    assert allowed[6:].all(), "only rows of queries may be restricted"
    assert allowed[:, :11].all(), "queries always see queries and prefix tokens"
    assert allowed[0, 11:].sum() == 1 and allowed[0, 11 + 2 * 9 + 3]
    assert not allowed[1:6, 11:].any(), "an empty mask leaves no patch"


def test_empty_masks_do_no_harm(small_model):
    segmenter = small_model.segmenter
    nn.init.zeros_(segmenter.mask_head[-1].weight)
    nn.init.zeros_(segmenter.mask_head[-1].bias)
    predictions = segmenter.forward_deep(pixels(small_model), [1.0, 1.0])
    assert all((masks == 0).all() for _, masks, _ in predictions), "all masks are empty"
    sum(classes.square().sum() for classes, _, _ in predictions).backward()
    found = [p.grad for p in segmenter.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in found)
    assert segmenter.queries.grad.abs().sum() > 0


@pytest.mark.parametrize("taps", [(0, 3), (0, 2), (0, 1), (0,)])
def test_parts_behind_the_taps_are_those_that_no_tap_depends_on(small_model, taps):
    segmenter = Eomt(replace(small_model.config.segmenter, taps=taps), num_labels=5)
    for part in segmenter.parts_without_features():
        part.requires_grad_(False)
    sum(tap.square().sum() for tap in segmenter(pixels(small_model))[2]).backward()
    untouched = {name for name, p in segmenter.named_parameters() if p.grad is None}
    fixed = {name for name, p in segmenter.named_parameters() if not p.requires_grad}
    assert untouched == fixed
    assert ("queries" in fixed) == (taps[-1] < 2), "two of the four blocks see the queries"


def test_no_gate_at_chance_zero(small_model):
    masks = torch.randn(2, 6, 6, 9)
    assert small_model.segmenter.attention_gate(masks, 65, chance=0.0).all()


def test_rope_turns_patches_by_their_position_and_leaves_the_prefix():
    cosine, sine = axial_rope((2, 3), head_size=8)
    heads = torch.randn(1, 1, 4 + 6, 8)
    turned = rotate(heads, cosine, sine)
    torch.testing.assert_close(turned[:, :, :4], heads[:, :, :4])
    torch.testing.assert_close(turned.norm(dim=-1), heads.norm(dim=-1))
    # Row coordinate -0.5 of two rows, lowest frequency 1: the angle is 2 pi * -0.5 = -pi.
    assert cosine[0, 0] == pytest.approx(-1.0) and sine[0, 0] == pytest.approx(0.0, abs=1e-6)


def test_rope_products_depend_on_the_offset_only():
    cosine, sine = axial_rope((1, 4), head_size=8)
    query, key = torch.randn(8), torch.randn(8)
    rows = torch.stack([query] * 4)[None, None], torch.stack([key] * 4)[None, None]
    turned_query, turned_key = (rotate(row, cosine, sine)[0, 0] for row in rows)
    products = turned_query @ turned_key.T
    torch.testing.assert_close(products[0, 1], products[2, 3], atol=1e-5, rtol=1e-4)
