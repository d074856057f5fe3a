# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which maps the layers of the encoder see, and what PRO-SCALE changes."""

from __future__ import annotations

import pytest
import torch
from mask2former_checkpoints import MASK2FORMER, PRO_SCALE, SIZES, SWIN, small_segmenter
from torch import Tensor, nn

from psg_ros.network.segmenters.mask2former.config import ProScaleConfig
from psg_ros.network.segmenters.mask2former.pixel_decoder import PixelDecoder, Recalibration
from psg_ros.network.segmenters.mask2former.position_code import cell_centres, sine_code

HW = {stride: (128 // stride, 192 // stride) for stride in (4, 8, 16, 32)}


def maps(seed: int = 0) -> list[Tensor]:
    """Maps of a backbone, finest first."""
    torch.manual_seed(seed)
    return [torch.randn(2, w, *HW[k]) for k, w in zip(HW, SWIN.widths, strict=True)]


def decoder(stages: tuple[int, int, int], recalibration: str = "off", **changes) -> PixelDecoder:
    config = ProScaleConfig(
        backbone=SWIN, stages=stages, recalibration=recalibration, **{**SIZES, **changes}
    )
    return small_segmenter(config).pixel_decoder


def test_three_stages_of_which_two_are_empty_are_mask2former():
    plain = small_segmenter(MASK2FORMER)
    staged = decoder((0, 0, 2), pixel_embedding="conv")
    staged.load_state_dict(plain.pixel_decoder.state_dict())
    features, encoded = staged(maps())
    expected, others = plain.pixel_decoder(maps())
    assert features.equal(expected) and all(map(torch.equal, encoded, others))


@pytest.mark.parametrize("stages", [(1, 1, 1), (2, 2, 2), (3, 1, 1), (1, 3, 1), (0, 0, 6)])
def test_every_map_is_touched_by_the_layers_from_its_stage_on(stages):
    touched = {size: 0 for size in (HW[32], HW[16], HW[8])}

    def note(module: nn.Module, inputs: tuple) -> None:
        for size in inputs[3]:
            touched[size] += 1

    network = decoder(stages)
    for layer in network.layers:
        layer.register_forward_pre_hook(note)
    network(maps())
    first, second, third = stages
    assert list(touched.values()) == [first + second + third, second + third, third]


@pytest.mark.parametrize("recalibration", ["off", "paper"])
def test_the_first_stage_knows_nothing_of_finer_maps_but_their_recalibration(recalibration):
    network, seen = decoder((2, 1, 1), recalibration), []
    network.layers[1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    for changed in (None, 16, 8):
        given = dict(zip(HW, maps(), strict=True))
        if changed is not None:
            given[changed] = given[changed] + 1
        network(list(given.values()))
    assert seen[1].equal(seen[0]), "stride 16 is not looked at yet"
    assert seen[2].equal(seen[0]) == (recalibration == "off")


def test_recalibration_weighs_every_token_by_the_finest_map_at_its_place():
    torch.manual_seed(0)
    module = Recalibration(32, as_released=False)
    coarse, finest = torch.randn(2, 32, 3, 5), torch.randn(2, 32, 6, 10)
    found = module(coarse, finest)
    # Half the size: bilinear takes the mean of 2 x 2 cells.
    mean = finest.unflatten(2, (3, 2)).unflatten(4, (5, 2)).mean(dim=(3, 5))
    weight, bias = module.weigh.weight[0], module.weigh.bias
    for row in range(3):
        for column in range(5):
            scalar = mean[:, :, row, column] @ weight + bias
            expected = coarse[:, :, row, column] * torch.sigmoid(0.1 * scalar)[:, None]
            torch.testing.assert_close(found[:, row * 5 + column], expected)


def test_recalibration_as_released_takes_the_tokens_for_maps():
    torch.manual_seed(0)
    module = Recalibration(32, as_released=True)
    coarse, finest = torch.randn(2, 32, 3, 5), torch.randn(2, 32, 6, 10)
    tokens = finest.flatten(2).transpose(1, 2).contiguous()  # [2, 60, 32], as its code has them
    taken_for_maps = torch.nn.functional.interpolate(
        tokens.view(2, 32, 6, 10), (3, 5), mode="bilinear", align_corners=False
    )
    weights = torch.sigmoid(0.1 * module.weigh(taken_for_maps.view(2, 15, 32)))
    torch.testing.assert_close(
        module(coarse, finest), coarse.flatten(2).transpose(1, 2) * weights, atol=0, rtol=0
    )
    aligned = Recalibration(32, as_released=False)
    aligned.load_state_dict(module.state_dict())
    assert not aligned(coarse, finest).allclose(module(coarse, finest), atol=1e-3)


def test_the_light_pixel_embedding_takes_the_greatest_of_nine_cells():
    light = decoder((1, 1, 1)).pixel_embedding
    features = torch.randn(1, 32, 6, 7)
    padded = nn.functional.pad(features, (1, 1, 1, 1), value=-torch.inf)
    greatest = padded.unfold(2, 3, 1).unfold(3, 3, 1).amax(dim=(4, 5))
    torch.testing.assert_close(light(features), light[1](greatest).relu())


def test_the_code_of_positions_is_sines_of_rows_then_of_columns():
    code = sine_code((3, 5), 32).view(3, 5, 32)
    for row, column in ((0, 0), (2, 1), (1, 4)):
        for channel in range(32):
            place, size = (row, 3) if channel < 16 else (column, 5)
            within = channel % 16
            angle = (place + 1) / (size + 1e-6) * 2 * torch.pi
            angle = torch.tensor(angle / 10000 ** (2 * (within // 2) / 16))
            expected = angle.cos() if within % 2 else angle.sin()
            assert code[row, column, channel] == pytest.approx(float(expected), abs=1e-5)


def test_centres_lie_inside_of_their_cells():
    centres = cell_centres((2, 4))
    assert centres.tolist() == [
        [x, y] for y in (-0.5, 0.5) for x in (-0.75, -0.25, 0.25, 0.75)
    ]  # fmt: skip


def test_features_of_the_relation_stage_fit_float16_at_the_published_size():
    """They are means: as large as what they are made of, however much of the picture says it."""
    segmenter = small_segmenter(PRO_SCALE)
    mask_features = torch.full((1, 32, 800 // 4, 1344 // 4), 30_000, dtype=torch.float16)
    (features,) = segmenter.features(mask_features)
    assert features.shape == (1, 50 * 84, 32)
    assert bool((features == 30_000).all())
