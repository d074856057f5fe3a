# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What CLIP sees in a mask."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("transformers")

from tiny_spade import EMBEDDING, some_image, tiny_vision

from psg_ros.network.spade.frozen import clip_pixels
from psg_ros.network.spade.mask_tokens import pool_masks

VISION = tiny_vision()
PIXELS = clip_pixels(some_image(), VISION)
LEFT = torch.zeros(1, 16, 16)
LEFT[:, :, :8] = 1


def pooled(masks: torch.Tensor, pixels: torch.Tensor = PIXELS) -> torch.Tensor:
    return pool_masks(VISION, pixels, masks, "mask_token")


def test_the_token_of_a_full_mask_is_the_embedding_of_the_image() -> None:
    with torch.no_grad():
        embedding = VISION(pixel_values=PIXELS).image_embeds
    torch.testing.assert_close(pooled(torch.ones(1, 16, 16)), embedding)


def test_masks_do_not_see_each_other() -> None:
    masks = torch.cat((torch.ones(1, 16, 16), LEFT, 1 - LEFT))
    together, alone = pooled(masks), torch.cat([pooled(one[None]) for one in masks])
    torch.testing.assert_close(together, alone)
    assert (together[1] - together[2]).abs().max() > 1e-3


def test_an_empty_mask_is_finite_and_no_masks_are_nothing() -> None:
    assert pooled(torch.zeros(1, 16, 16)).isfinite().all()
    assert pooled(torch.zeros(0, 16, 16)).shape == (0, EMBEDDING)


def test_the_average_looks_at_the_patches_in_the_mask() -> None:
    masks = torch.cat((LEFT, 1 - LEFT, torch.zeros(1, 16, 16)))
    left, right, nothing = pool_masks(VISION, PIXELS, masks, "average")
    assert (left - right).abs().max() > 1e-3
    assert nothing.isfinite().all()
