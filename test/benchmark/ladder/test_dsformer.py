# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.benchmark.ladder.dsformer import DsFormer, DsFormerConfig

TINY = DsFormerConfig(
    input_hw=(64, 96), dim=48, depth=3, num_heads=4, head_hidden=20, num_labels=5, num_predicates=4
)
Pairs = tuple[Tensor, Tensor, Tensor, Tensor]


@pytest.fixture(scope="module")
def model() -> DsFormer:
    torch.manual_seed(0)
    return DsFormer(TINY).eval().requires_grad_(False)


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(1, 6, 48, generator=torch.Generator().manual_seed(1))


def random_pairs(count: int) -> Pairs:
    """Return subject and object overlaps (which may sum to more than 1), boxes and labels."""
    source = torch.Generator().manual_seed(2)
    subject, other = torch.rand(2, count, 6, generator=source)
    boxes = torch.rand(count, 8, generator=source) * 2 - 1
    return subject, other, boxes, torch.randint(0, 5, (count, 2), generator=source)


def swapped(pairs: Pairs) -> Pairs:
    subject, other, boxes, labels = pairs
    return other, subject, boxes.roll(4, dims=1), labels.flip(1)


def count(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def test_published_size_is_without_backbone_and_semantic_table():
    with torch.device("meta"):
        model = DsFormer(DsFormerConfig())
    table = model.semantic.numel()
    learned = count(model) - count(model.backbone) - table
    # Embedding of cells 6.29 M, six blocks 10.64 M, heads 0.34 + 0.10 M, location 0.08 M, and the
    # vectors of class token and masks. The table of label pairs would be 6.79 M more.
    assert learned == pytest.approx(17.45e6, rel=0.0005)
    assert table == 133 * 133 * 384


def test_published_input_has_twenty_cells_a_side():
    config = DsFormerConfig()
    assert config.grid_hw == (20, 20)
    assert config.cell_px == (32, 32)
    with torch.device("meta"):
        model = DsFormer(config)
        assert model.features(torch.empty(2, 3, 640, 640)).shape == (2, 400, 384)


def test_input_must_be_whole_cells():
    with pytest.raises(ValueError, match="multiples of 32 px"):
        DsFormerConfig(input_hw=(640, 624))


@pytest.mark.parametrize("num_pairs", [0, 1, 2])
def test_any_number_of_pairs(model, tokens, num_pairs):
    pairs = random_pairs(num_pairs)
    assert model(tokens, *pairs).shape == (num_pairs, 5)
    subject, other = model.node_logits(model.pair_vectors(tokens, *pairs))
    assert subject.shape == other.shape == (num_pairs, 5)


def test_order_of_a_pair_matters(model, tokens):
    pairs = random_pairs(4)
    difference = model(tokens, *pairs) - model(tokens, *swapped(pairs))
    assert difference.abs().amax(dim=1).min() > 1e-3


def test_pairs_do_not_see_each_other(model, tokens):
    pairs, order = random_pairs(5), torch.tensor([3, 0, 4, 1, 2])
    permuted = model(tokens, *(values[order] for values in pairs))
    torch.testing.assert_close(permuted, model(tokens, *pairs)[order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("changed", range(4))
def test_every_input_matters(model, tokens, changed):
    pairs = random_pairs(1)
    other = list(pairs)
    other[changed] = (pairs[changed] + 1) % 5 if changed == 3 else pairs[changed] * 0.5
    assert not torch.allclose(model(tokens, *pairs), model(tokens, *other), atol=1e-4)


def test_label_beyond_the_table_is_refused(model, tokens):
    subject, other, boxes, _ = random_pairs(1)
    with pytest.raises(IndexError):
        model(tokens, subject, other, boxes, torch.tensor([[0, 5]]))


def test_onoff_masks_take_any_overlap_for_a_whole_cell(tokens):
    torch.manual_seed(0)
    network = DsFormer(dataclasses.replace(TINY, background="onoff")).eval().requires_grad_(False)
    subject, other, *rest = random_pairs(3)
    expected = network(tokens, (subject > 0).float(), (other > 0).float(), *rest)
    torch.testing.assert_close(network(tokens, subject, other, *rest), expected)
    assert not torch.allclose(network(tokens, subject * 0, other, *rest), expected, atol=1e-3)


def test_features_are_patches_of_the_normalised_image(model):
    pixels = torch.rand(2, 3, 64, 96) * 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = (pixels / 255 - mean[:, None, None]) / deviation[:, None, None]
    patches = functional.unfold(model.backbone(images), 8, stride=8).transpose(1, 2)
    expected = patches @ model.embed.weight.flatten(1).T + model.embed.bias
    torch.testing.assert_close(model.features(pixels), expected, atol=1e-5, rtol=1e-4)


# What follows says the network once more, one pair at a time and without its modules.


def restated_code(rows: int, columns: int, dim: int) -> Tensor:
    def half(number: int, total: int) -> list[float]:
        angle = number / (total + 1e-6) * 2 * math.pi
        pairs = [angle / 10000 ** (2 * k / (dim // 2)) for k in range(dim // 4)]
        return [f(a) for a in pairs for f in (math.sin, math.cos)]

    cells = [(row, column) for row in range(1, rows + 1) for column in range(1, columns + 1)]
    return torch.tensor([half(row, rows) + half(column, columns) for row, column in cells])


def restated_norm(norm: nn.LayerNorm, tokens: Tensor) -> Tensor:
    centred = tokens - tokens.mean(-1, keepdim=True)
    spread = centred.square().mean(-1, keepdim=True)
    return centred / (spread + 1e-5).sqrt() * norm.weight + norm.bias


def restated_attention(attention: nn.Module, tokens: Tensor, heads: int) -> Tensor:
    size, outputs = tokens.shape[1] // heads, []
    for head in range(heads):
        rows = slice(head * size, (head + 1) * size)
        query = tokens @ attention.q_proj.weight[rows].T
        key = tokens @ attention.k_proj.weight[rows].T
        weights = (query @ key.T / math.sqrt(size)).softmax(dim=1)
        outputs.append(weights @ (tokens @ attention.v_proj.weight[rows].T))
    return torch.cat(outputs, dim=1) @ attention.out_proj.weight.T + attention.out_proj.bias


def restated_block(block: nn.Module, tokens: Tensor, heads: int) -> Tensor:
    tokens = tokens + restated_attention(block.attention, restated_norm(block.norm1, tokens), heads)
    hidden = restated_linear(block.mlp.fc1, restated_norm(block.norm2, tokens))
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    return tokens + restated_linear(block.mlp.fc2, hidden)


def restated_linear(layer: nn.Linear, tokens: Tensor) -> Tensor:
    return tokens @ layer.weight.T + layer.bias


def restated_mlp(layers: nn.Sequential, tokens: Tensor) -> Tensor:
    return restated_linear(layers[2], restated_linear(layers[0], tokens).clamp(min=0))


def restated_pair(
    model: DsFormer, patch_tokens: Tensor, pair: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return predicate logits and the label logits of subject and object."""
    subject, other, boxes, labels = pair
    masks = model.mask_embedding
    unit = [v / v.norm() for v in (masks.subject, masks.object, masks.background)]
    background = torch.maximum(torch.tensor(0.0), 1 - subject - other)
    shares = torch.stack((subject, other, background))
    cells = patch_tokens + sum(s[:, None] * u for s, u in zip(shares, unit, strict=True))
    table = model.semantic.reshape(25, 48)
    semantic = table[int(labels[0]) * 5 + int(labels[1])]
    extra = (model.class_embedding, semantic, restated_mlp(model.location, boxes))
    tokens = torch.cat((torch.stack(extra), cells))
    code = restated_code(2, 3, 48)
    for block in model.blocks:
        tokens = restated_block(block, torch.cat((tokens[:3], tokens[3:] + code)), heads=4)
    nodes = restated_linear(model.node_head, tokens[0])
    return restated_mlp(model.head.mlp, tokens[0]), nodes[5:], nodes[:5]


def test_network_equals_its_restatement(model, tokens):
    pairs = random_pairs(3)
    restated = [restated_pair(model, tokens[0], pair) for pair in zip(*pairs, strict=True)]
    expected = [torch.stack(values) for values in zip(*restated, strict=True)]
    vectors = model.pair_vectors(tokens, *pairs)
    result = [model(tokens, *pairs), *model.node_logits(vectors)]
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
