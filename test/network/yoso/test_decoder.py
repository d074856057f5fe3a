# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the decoder of the kernels does at its edges: empty and whole masks, before training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional
from yoso_checkpoints import YOSO

from psg_ros.network.segmenters.yoso.decoder import POOL_SCALE, Decoder, pool
from psg_ros.network.segmenters.yoso.neck import coordinates

NUM_LABELS, LARGEST_HALF = 5, 65504
COCO_CELLS = (200, 336)


def decoder(**changes: int) -> Decoder:
    torch.manual_seed(0)
    return Decoder(replace(YOSO, **changes), NUM_LABELS).eval()


def mask_features() -> torch.Tensor:
    return torch.randn(2, YOSO.dim, 6, 8, generator=torch.manual_seed(1))


def test_pooled_is_the_sum_inside_of_the_mask():
    features, masks = mask_features(), torch.full((2, 3, 6, 8), -1.0)
    masks[0, 0, 1, 2:4] = 0.1
    masks[1, 2] = 5.0
    masks[1, 1, 0, 0] = 0.0  # the border is outside
    found = POOL_SCALE * pool(masks, features)
    torch.testing.assert_close(found[0, 0], features[0, :, 1, 2:4].sum(-1))
    torch.testing.assert_close(found[1, 2], features[1].sum((1, 2)))
    assert not found[0, 1:].any() and not found[1, :2].any(), "empty masks pool nothing"


def test_a_mask_of_a_whole_picture_pools_within_float16():
    features = torch.ones(1, 2, *COCO_CELLS) * 1.02
    pooled = pool(torch.ones(1, 1, *COCO_CELLS), features)
    assert float(features[0, 0].sum()) > LARGEST_HALF, "the plain sum does not fit"
    half = (features / POOL_SCALE).half().flatten(2).sum(-1)
    assert half.isfinite().all()
    torch.testing.assert_close(half.float(), pooled[:, 0], rtol=1e-2, atol=0)


@torch.no_grad()
def test_one_stage_follows_the_equations_of_the_paper():
    network, features = decoder(decoder_stages=1), mask_features()
    stage = network.stages[0]
    (kernels, masks), (found, _) = network.states(features)
    pooled = torch.einsum("bqhw,bchw->bqc", (masks.sigmoid() > 0.5).float(), features)
    dim = (YOSO.dim,)

    def norm(values: torch.Tensor, layer: torch.nn.LayerNorm) -> torch.Tensor:
        return functional.layer_norm(values, dim, layer.weight, layer.bias)

    first = stage.feature_attention
    seen = norm(first.mix(first.weights(kernels), pooled), first.norm)
    values = norm(pooled + seen, stage.feature_norm)
    looked = norm(values + stage.kernel_attention(kernels, values), stage.kernel_norm)
    looked = norm(looked + stage.self_attention(looked), stage.self_norm)
    expected = norm(looked + stage.fc2(stage.fc1(looked).relu()), stage.mlp_norm)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_last_stage_alone_is_classified_and_the_first_masks_have_no_classes():
    network, features = decoder(decoder_stages=3), mask_features()
    (no_classes, proposed), *predictions = network.predict_all(features)
    assert no_classes is None and len(predictions) == 3
    torch.testing.assert_close(proposed, network.proposals(features))
    calls = []
    for head in network.class_heads:
        head.register_forward_hook(lambda *_: calls.append(1))
    classes, masks = network(features)
    assert len(calls) == 1
    torch.testing.assert_close(classes, predictions[-1][0])
    torch.testing.assert_close(masks, predictions[-1][1])


@torch.no_grad()
def test_class_logits_are_divided_by_the_temperature():
    warm, cold = decoder(), decoder()
    warm.temperature, cold.temperature = 1.0, 0.05
    torch.testing.assert_close(cold(mask_features())[0], warm(mask_features())[0] * 20)


def test_before_training_every_label_is_as_unlikely_as_published():
    network = decoder(class_layers=2, mask_layers=0)
    for head in network.class_heads:
        assert head[-1].bias.tolist() == pytest.approx([-4.595] * (NUM_LABELS + 1), abs=1e-3)
        assert len(head) == 7
    assert [len(head) for head in network.mask_heads] == [1, 1]
    assert not network.mask_heads[0][-1].bias.any()


def test_cells_know_where_they_are():
    x, y = coordinates(torch.zeros(1, 4, 3, 5))[0]
    assert x[0].tolist() == x[2].tolist() == [-1, -0.5, 0, 0.5, 1]
    assert y[:, 0].tolist() == y[:, 4].tolist() == [-1, 0, 1]
