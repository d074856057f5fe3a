# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recording maps, the adapter, low-rank matrices: what reaches what, and what stays as it was."""

from __future__ import annotations

import dataclasses

import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("peft")

from tiny_spade import T1, T1_TOKENS, T1_WIDTH, seeded, some_image, t1_models, t1_unet, t2_unet

from psg_ros.network.spade.attention_maps import merge_maps, recording
from psg_ros.network.spade.frozen import FrozenModels
from psg_ros.network.spade.lora import add_lora, fuse_lora, load_lora, lora_state

LATENT = torch.randn(2, 4, 16, 16, generator=seeded(5))
CONTEXT = torch.randn(2, T1_TOKENS, T1_WIDTH, generator=seeded(6))


def run(unet: torch.nn.Module, timestep: int = 20) -> torch.Tensor:
    return unet(LATENT, timestep, CONTEXT, return_dict=False)[0]


def test_recording_does_not_change_the_output_of_the_unet() -> None:
    unet = t1_unet()
    stock = dict(unet.attn_processors)
    with torch.no_grad():
        plain = run(unet)
        with recording(unet, ("down", "mid", "up")) as recorders:
            recorded = run(unet)
    assert len(recorders) == 4
    assert torch.equal(plain, recorded)
    assert unet.attn_processors == stock


def test_every_cell_of_a_map_shares_itself_among_the_tokens() -> None:
    unet = t1_unet()
    with torch.no_grad(), recording(unet, ("down", "mid", "up")) as recorders:
        run(unet)
        (finest,) = merge_maps(recorders, 16, "finest")
        grids = merge_maps(recorders, 16, "per_resolution")
    shapes = {name.split("_")[0]: one.recorded.shape for name, one in recorders.items()}
    assert shapes == {"down": (2, 256, 8), "mid": (2, 64, 8), "up": (2, 256, 8)}
    assert finest.shape == (2, 8, 16, 16)
    assert [one.shape[-1] for one in grids] == [16, 8]
    for one in (finest, *grids):
        torch.testing.assert_close(one.sum(1), torch.ones_like(one[:, 0]))


def test_a_unet_as_deep_as_stable_diffusion_has_maps_at_four_sizes() -> None:
    unet = t2_unet()
    with torch.no_grad(), recording(unet, ("down", "mid", "up")) as recorders:
        unet(LATENT[:1], 0, torch.randn(1, 77, 64, generator=seeded(7)))
    assert len(recorders) == 16
    sides = sorted({round(one.recorded.shape[1] ** 0.5) for one in recorders.values()})
    assert sides == [2, 4, 8, 16]
    assert merge_maps(recorders, 16, "finest")[0].shape == (1, 77, 16, 16)


def map_loss(models: FrozenModels) -> torch.Tensor:
    image = some_image().expand(2, -1, -1, -1)
    with recording(models.unet, ("down", "up")) as recorders:
        models.unet(LATENT, 0, models.context(image))
        (student,) = merge_maps(recorders, 16, "finest")
    return (student - 1 / T1_TOKENS).abs().mean()


def test_a_loss_on_maps_reaches_adapter_and_matrices_and_leaves_the_rest() -> None:
    models = t1_models()
    before = {name: value.clone() for name, value in models.state_dict().items()}
    trained = models.calibrated()
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-2)
    for _ in range(2):  # the gate opens with the first step, the matrices with the second
        optimizer.zero_grad()
        map_loss(models).backward()
        optimizer.step()
    moved = {name for name, value in models.state_dict().items() if not value.equal(before[name])}
    assert moved <= set(trained)
    assert "adapter.gate" in moved and "adapter.layers.0.weight" in moved
    # The values of the last layer no map depends on.
    lora_b = {name for name in trained if "lora_B" in name}
    assert {name for name in lora_b - moved} == {
        name for name in lora_b if "up_blocks.1.attentions.1" in name and "to_v" in name
    }


def test_matrices_change_nothing_before_training_and_nothing_by_being_fused() -> None:
    unet = t1_unet()
    with torch.no_grad():
        plain = run(unet)
        matrices = add_lora(unet, ("k", "v"), rank=4, alpha=4.0)
        assert torch.equal(run(unet), plain)
        for value in matrices.values():
            value.copy_(0.1 * torch.randn(value.shape, generator=seeded(8)))
        trained = run(unet)
        assert (trained - plain).abs().max() > 1e-3
        fuse_lora(unet)
        torch.testing.assert_close(run(unet), trained, atol=1e-5, rtol=1e-4)


def test_matrices_are_beside_keys_and_values_of_cross_attention_alone() -> None:
    matrices = add_lora(t1_unet(), ("k", "v"), rank=4, alpha=4.0)
    assert len(matrices) == 4 * 2 * 2
    assert all(".attn2.to_k." in name or ".attn2.to_v." in name for name in matrices)


def test_trained_matrices_are_put_back_and_foreign_ones_refused() -> None:
    unet, other = t1_unet(), t1_unet()
    for value in add_lora(unet, ("k", "v"), rank=4, alpha=4.0).values():
        value.data.normal_(generator=seeded(9))
    add_lora(other, ("k", "v"), rank=4, alpha=4.0)
    load_lora(other, lora_state(unet))
    with torch.no_grad():
        assert torch.equal(run(unet), run(other))
    smaller = t1_unet()
    add_lora(smaller, ("k", "v"), rank=2, alpha=2.0)
    with pytest.raises(ValueError, match="lora_rank"):
        load_lora(smaller, lora_state(unet))


@pytest.mark.parametrize(
    ("kind", "tokens"), [("compact", T1_TOKENS), ("full", T1_TOKENS), ("linear", 1)]
)
def test_adapters_give_a_context_for_the_unet(kind: str, tokens: int) -> None:
    config = dataclasses.replace(T1, calibration=dataclasses.replace(T1.calibration, adapter=kind))
    models = t1_models(config)
    context = models.context(some_image())
    assert context.shape == (1, tokens, T1_WIDTH)
    if kind == "compact":  # begins as the unconditional UNet
        assert torch.equal(context[0], models.adapter.empty_prompt)
    assert [one.shape for one in models.features(some_image())] == [
        (1, 64, 4, 4),
        (1, 32, 8, 8),
    ]
