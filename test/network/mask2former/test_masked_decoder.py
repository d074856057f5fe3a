# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the queries may look at, and that the two short cuts of the decoder change nothing."""

from __future__ import annotations

import torch
from mask2former_checkpoints import MASK2FORMER, small_segmenter
from torch import Tensor
from torch.nn import functional

from psg_ros.network.segmenters.mask2former.masked_decoder import Level, MaskedDecoder


def decoder_and_inputs() -> tuple[MaskedDecoder, Tensor, list[Tensor]]:
    decoder = small_segmenter(MASK2FORMER).decoder
    maps = [torch.randn(2, 32, 2 * k, 3 * k) for k in (1, 2, 4)]
    return decoder, torch.randn(2, 32, 16, 24), maps


class FromWholeMasks(MaskedDecoder):
    """The decoder as published: every mask is computed whole and then made small."""

    def level(self, features: Tensor, code: Tensor, mask_features: Tensor) -> Level:
        self.whole = mask_features
        level = super().level(features, code, mask_features)
        return level._replace(mask_features=torch.tensor(features.shape[2:]))

    def allowed(self, queries: Tensor, level: Level) -> Tensor:
        masks = self.predict(queries, self.whole)[1]
        size_hw = tuple(level.mask_features.tolist())
        shrunk = functional.interpolate(masks, size_hw, mode="bilinear", align_corners=False)
        blocked = (shrunk.sigmoid() < 0.5).flatten(2)
        blocked[blocked.all(dim=-1)] = False
        return ~blocked[:, None]


def test_masks_from_shrunk_features_are_the_shrunk_masks():
    decoder, mask_features, maps = decoder_and_inputs()
    published = FromWholeMasks(MASK2FORMER, num_labels=5)
    published.load_state_dict(decoder.state_dict())
    found, expected = decoder(mask_features, maps), published(mask_features, maps)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_last_of_all_predictions_is_the_one_of_inference():
    decoder, mask_features, maps = decoder_and_inputs()
    predictions = decoder.predict_all(mask_features, maps)
    assert len(predictions) == 1 + MASK2FORMER.decoder_layers
    for found, expected in zip(predictions[-1], decoder(mask_features, maps), strict=True):
        assert found.equal(expected)


def test_a_query_looks_inside_of_its_mask_and_everywhere_where_that_is_empty():
    decoder, mask_features, maps = decoder_and_inputs()
    level = decoder.level(maps[1], decoder.level_codes[1], mask_features)
    queries = decoder.norm(decoder.query_features).expand(2, -1, -1)
    embedded = decoder.mask_head(queries)
    # Every cell is the opposite of the first query, whose mask is empty then.
    cells = level.value.shape[1]
    away = level._replace(mask_features=-embedded[:, :1].transpose(1, 2).expand(-1, -1, cells))
    for one in (level, away):
        inside = embedded @ one.mask_features >= 0
        allowed, shown = decoder.allowed(queries, one)[:, 0], inside.any(dim=-1)
        assert (allowed == inside)[shown].all() and allowed[~shown].all()
    assert not shown[:, 0].any()
    attend = decoder.layers[1].cross_attention
    masked = attend(queries, level.key, level.value, decoder.allowed(queries, away))
    free = attend(queries, level.key, level.value)
    assert masked.isfinite().all()
    torch.testing.assert_close(masked[:, 0], free[:, 0])


def test_training_does_not_reach_the_masks_through_what_may_be_looked_at():
    decoder, mask_features, maps = decoder_and_inputs()
    mask_features.requires_grad_()
    classes, _ = decoder(mask_features, maps)
    classes.sum().backward()
    assert mask_features.grad is None and decoder.query_features.grad is not None
