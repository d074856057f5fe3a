# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.mask_embedding import MaskEmbedding
from psg_ros.network.neck import Neck, sine_code
from psg_ros.network.relation_head import RelationHead
from psg_ros.network.segmenters.eomt_config import EomtConfig

CONFIG = RelationConfig(dim=24, depth=3, num_heads=2, head_hidden=16)


def test_mask_embedding_follows_its_equation():
    embedding = MaskEmbedding(4)
    patch = torch.randn(1, 1, 4)
    subject, other = torch.tensor([[0.5]]), torch.tensor([[0.25]])
    unit = [v / v.norm() for v in (embedding.subject, embedding.object, embedding.background)]
    expected = patch[0, 0] + 0.5 * unit[0] + 0.25 * unit[1] + 0.25 * unit[2]
    torch.testing.assert_close(embedding(patch, subject, other)[0, 0], expected)


def test_background_share_is_never_negative():
    embedding = MaskEmbedding(4)
    full = torch.ones(1, 1)
    unit = [v / v.norm() for v in (embedding.subject, embedding.object)]
    result = embedding(torch.zeros(1, 1, 4), full, full)[0, 0]
    torch.testing.assert_close(result, unit[0] + unit[1])


def test_onoff_counts_any_overlap_as_one_and_knows_no_background():
    embedding, patch = MaskEmbedding(4, "onoff"), torch.randn(1, 3, 4)
    subject, other = torch.tensor([[0.01, 0.7, 0.0]]), torch.tensor([[0.0, 0.3, 0.0]])
    first, second = (v / v.norm() for v in (embedding.subject, embedding.object))
    expected = patch + torch.stack((first, first + second, torch.zeros(4)))
    torch.testing.assert_close(embedding(patch, subject, other), expected)
    assert sorted(name for name, _ in embedding.named_parameters()) == ["object", "subject"]


def test_class_token_shortcut_equals_the_whole_last_block():
    torch.manual_seed(0)
    neck = Neck(CONFIG, (2, 3)).eval()
    tokens = torch.randn(5, 8, 24)
    block = neck.blocks[-1]
    torch.testing.assert_close(block.class_token(tokens), block(tokens)[:, 0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("position", ["every_block", "first", "none"])
def test_position_code_matters_unless_it_is_off(position):
    torch.manual_seed(0)
    config = RelationConfig(dim=24, depth=2, num_heads=2, head_hidden=16, position=position)
    neck = Neck(config, (2, 3)).eval()
    tokens, boxes = torch.randn(1, 6, 24), torch.zeros(1, 8)
    same = torch.allclose(neck(tokens, boxes), neck(tokens.flip(1), boxes), atol=1e-5)
    assert same == (position == "none")


def test_sine_code_is_interleaved_rows_first():
    code = sine_code((2, 3), 8)
    angle = 1 / (2 + 1e-6) * 2 * math.pi
    assert code.shape == (6, 8)
    expected = torch.tensor([math.sin(angle), math.cos(angle)])
    torch.testing.assert_close(code[0, :2], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(code[0, :4], code[2, :4]), "one row, one row code"
    torch.testing.assert_close(code[0, 4:], code[3, 4:]), "one column, one column code"


def test_gate_splits_without_loss():
    head = RelationHead(CONFIG, num_predicates=4)
    pair = torch.randn(7, 24)
    forward_part, backward_part = head.split(pair)
    torch.testing.assert_close(forward_part + backward_part, pair)
    forward_logits, backward_logits = head(pair)
    assert forward_logits.shape == backward_logits.shape == (7, 5)


def test_two_linear_split_is_a_switch():
    config = RelationConfig(dim=24, num_heads=2, head_hidden=16, split="two_linear")
    head = RelationHead(config, num_predicates=4)
    pair = torch.randn(3, 24)
    forward_part, backward_part = head.split(pair)
    assert not torch.allclose(forward_part + backward_part, pair)


@pytest.mark.parametrize("num_pairs", [0, 1, 5])
def test_stage_takes_any_number_of_pairs(small_model, num_pairs):
    stage = small_model.relations
    cells = stage.grid_hw[0] * stage.grid_hw[1]
    overlap = torch.rand(num_pairs, cells) / 2
    tokens = torch.randn(1, cells, 24)
    forward_logits, backward_logits = stage(tokens, overlap, overlap, torch.zeros(num_pairs, 8))
    assert forward_logits.shape == backward_logits.shape == (num_pairs, 5)


def test_without_a_split_each_order_goes_through_the_neck_on_its_own():
    torch.manual_seed(0)
    relations = RelationConfig(dim=24, depth=2, num_heads=2, head_hidden=16, split="none")
    segmenter = EomtConfig(
        input_hw=(48, 48),
        patch_size=8,
        dim=16,
        depth=2,
        num_heads=2,
        num_query_blocks=1,
        taps=(0, 1),
    )
    stage = RelationStage(ModelConfig("one_way", "", "area", segmenter, relations), 4).eval()
    tokens = torch.randn(1, 4, 24)
    first, second, boxes = torch.rand(3, 4), torch.rand(3, 4), torch.rand(3, 8)
    forward, backward = stage(tokens, first, second, boxes)
    swapped_forward, swapped_backward = stage(
        tokens, second, first, boxes[:, [4, 5, 6, 7, 0, 1, 2, 3]]
    )
    torch.testing.assert_close(swapped_forward, backward)
    torch.testing.assert_close(swapped_backward, forward)
    with pytest.raises(RuntimeError, match="both orders"):
        stage.head.split(torch.randn(2, 24))
