# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our EoMT is the published one: same logits and features as transformers' for the same weights,
and the same masked attention in training.

The weights go through a saved folder and our converter, so both are shown at once.
"""

from pathlib import Path

import pytest
import torch

from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.checkpoints.eomt import ConvertedEomt
from psg_ros.network.layers import PIXEL_MEAN, PIXEL_STD
from psg_ros.network.segmenters.eomt import Eomt

transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-4
SMALL = {
    "S": dict(depth=12, heads=6, query_blocks=3),
    "B": dict(depth=12, heads=12, query_blocks=3),
    "L": dict(depth=24, heads=16, query_blocks=4),
}


def build_theirs(
    family: str, depth: int, heads: int, query_blocks: int, dim: int, size: int, queries: int,
    labels: int = 133, norm_eps: float = 1e-6,
) -> torch.nn.Module:  # fmt: skip
    """A random model of transformers in which no parameter is at its neutral start value."""
    sizes = dict(
        hidden_size=dim, num_hidden_layers=depth, num_attention_heads=heads, num_labels=labels,
        num_blocks=query_blocks, num_queries=queries, image_size=size, layer_norm_eps=norm_eps,
    )  # fmt: skip
    torch.manual_seed(0)
    if family == "DINOv2":
        model = transformers.EomtForUniversalSegmentation(transformers.EomtConfig(**sizes))
    else:
        config = transformers.EomtDinov3Config(**sizes, intermediate_size=4 * dim)
        model = transformers.EomtDinov3ForUniversalSegmentation(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.3 if "lambda1" in name or "norm" in name else 0.5 / dim**0.5
            parameter.add_(torch.randn_like(parameter) * spread)
    # Ones in a fresh model: masked attention, which inference does not have.
    model.attn_mask_probs.zero_()
    return model.eval()


def normalised(pixels: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (PIXEL_MEAN, PIXEL_STD))
    return (pixels / 255 - mean) / std


def run_theirs(model: torch.nn.Module, pixels: torch.Tensor, taps: tuple[int, ...]) -> tuple:
    """Class logits, mask logits and the patch tokens after the tapped blocks."""
    kept: dict[int, torch.Tensor] = {}
    hooks = [
        model.layers[tap].register_forward_hook(
            lambda module, inputs, output, tap=tap: kept.__setitem__(tap, output)
        )
        for tap in taps
    ]
    with torch.no_grad():
        output = model(normalised(pixels))
    for hook in hooks:
        hook.remove()
    num_patches = (model.config.image_size // model.config.patch_size) ** 2
    features = [kept[tap][:, -num_patches:] for tap in taps]
    return output.class_queries_logits, output.masks_queries_logits, features


def assert_equal_models(theirs: torch.nn.Module, folder: Path) -> ConvertedEomt:
    theirs.save_pretrained(folder)
    converted = convert(str(folder))
    assert isinstance(converted, ConvertedEomt)
    ours = Eomt(converted.config, converted.num_labels).eval()
    ours.load_state_dict(converted.weights)
    size = converted.config.input_hw[0]
    pixels = torch.randint(0, 256, (1, 3, size, size)).float()
    with torch.no_grad():
        class_logits, mask_logits, taps = ours(pixels)
    expected_class, expected_mask, expected_taps = run_theirs(theirs, pixels, converted.config.taps)
    assert expected_mask.std() > 0.1, "a comparison of nothing with nothing"
    difference = dict(atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(class_logits, expected_class, **difference)
    torch.testing.assert_close(mask_logits, expected_mask, **difference)
    assert len(taps) == 4
    for tap, expected_tap in zip(taps, expected_taps, strict=True):
        torch.testing.assert_close(tap, expected_tap, **difference)
    return converted


@pytest.mark.parametrize("norm_eps", [1e-6, 1e-5])
@pytest.mark.parametrize("size", SMALL)
@pytest.mark.parametrize("family", ["DINOv2", "DINOv3"])
def test_small_models_of_all_proportions_agree(family, size, norm_eps, tmp_path):
    proportions = SMALL[size]
    theirs = build_theirs(
        family, **proportions, dim=16 * proportions["heads"], size=160, queries=20,
        norm_eps=norm_eps,
    )  # fmt: skip
    converted = assert_equal_models(theirs, tmp_path)
    assert converted.family == family
    assert converted.config.norm_eps == norm_eps
    assert converted.config.num_query_blocks == proportions["query_blocks"]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["DINOv2", "DINOv3"])
def test_s_at_its_published_size_agrees(family, tmp_path):
    theirs = build_theirs(family, 12, 6, 3, dim=384, size=640, queries=200)
    converted = assert_equal_models(theirs, tmp_path)
    assert (converted.size, converted.family) == ("S", family)
    assert converted.config.input_hw == (640, 640)
    assert converted.num_labels == 133


def test_a_wrong_epsilon_would_be_noticed(tmp_path):
    theirs = build_theirs("DINOv3", 12, 6, 3, dim=96, size=160, queries=20, norm_eps=1e-2)
    theirs.config.layer_norm_eps = 1e-6
    with pytest.raises(AssertionError, match="not close"):
        assert_equal_models(theirs, tmp_path)


CHANCES = [1.0, 0.6, 0.2]
"""Of masked attention in the three blocks that see the queries."""


def keep_attention_masks(blocks: torch.nn.ModuleList) -> list[torch.Tensor]:
    """A list to which the attention of every block adds the mask that it is called with."""
    kept: list[torch.Tensor] = []

    def keep(module, arguments, named):
        kept.append(named["attention_mask"] if "attention_mask" in named else arguments[2])

    for block in blocks:
        block.attention.register_forward_pre_hook(keep, with_kwargs=True)
    return kept


@pytest.mark.parametrize("family", ["DINOv2", "DINOv3"])
def test_masked_attention_of_training_agrees(family, tmp_path):
    theirs = build_theirs(family, 12, 6, len(CHANCES), dim=96, size=160, queries=20)
    # What all patches have in common makes some masks empty.
    torch.nn.init.normal_(theirs.upscale_block.block[-1].layernorm2d.bias, std=3)
    theirs.save_pretrained(tmp_path)
    converted = convert(str(tmp_path))
    ours = Eomt(converted.config, converted.num_labels).eval()
    ours.load_state_dict(converted.weights)
    theirs.attn_mask_probs.copy_(torch.tensor(CHANCES))
    given, expected = (keep_attention_masks(model[-3:]) for model in (ours.blocks, theirs.layers))
    pixels = torch.randint(0, 256, (2, 3, 160, 160)).float()
    # Theirs draws when a chance is below 1.
    torch.manual_seed(1)
    draws = torch.stack([torch.zeros(2, 20), torch.rand(2, 20), torch.rand(2, 20)])
    torch.manual_seed(1)
    with torch.no_grad():
        output = theirs(normalised(pixels))
        class_logits, mask_logits, _ = ours.forward_deep(pixels, CHANCES, draws, upscale=True)[-1]
    for ours_allow, theirs_add in zip(given, expected, strict=True):
        assert ours_allow.expand_as(theirs_add).equal(theirs_add > 0)
    of_queries = given[0][:, 0, :20, -100:].sum(dim=-1)
    assert (of_queries == 0).any() and (of_queries % 100 > 0).any(), "empty masks, and others"
    torch.testing.assert_close(class_logits, output.class_queries_logits, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(mask_logits, output.masks_queries_logits, atol=TOLERANCE, rtol=0)
