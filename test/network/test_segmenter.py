# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What training and export rely on in every segmenter. A new one is added to `SEGMENTERS` here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace

import pytest
import torch
from mask2former_checkpoints import MASK2FORMER, PRO_SCALE
from toy_segmenter import Toy, ToyConfig
from yoso_checkpoints import YOSO

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash
from psg_ros.network.fused import FusedGraph
from psg_ros.network.segmenter import Segmenter
from psg_ros.network.segmenter_config import FeatureMap
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.segmenters.mask2former.network import Mask2Former
from psg_ros.network.segmenters.yoso.network import Yoso
from psg_ros.training.config import Phase, SegmentationTraining
from psg_ros.training.losses import SegmentTargets, count_totals
from psg_ros.training.segmenter.segmentation_losses import (
    SegmentationLosses,
    sample_generators,
)

INPUT_HW, NUM_LABELS = (32, 64), 3
EOMT = EomtConfig(
    input_hw=INPUT_HW, dim=16, depth=3, num_heads=2, num_queries=5, num_query_blocks=1, taps=(0, 1)
)
SEGMENTERS = {
    "eomt": lambda: Eomt(EOMT, NUM_LABELS),
    "mask2former": lambda: Mask2Former(MASK2FORMER, NUM_LABELS),
    "pro_scale": lambda: Mask2Former(PRO_SCALE, NUM_LABELS),
    "yoso": lambda: Yoso(YOSO, NUM_LABELS),
    "toy": lambda: Toy(ToyConfig(input_hw=INPUT_HW, num_queries=5), NUM_LABELS),
}


@pytest.fixture(params=SEGMENTERS)
def segmenter(request: pytest.FixtureRequest) -> Segmenter:
    torch.manual_seed(0)
    return SEGMENTERS[request.param]().eval()


def pixels() -> torch.Tensor:
    return torch.rand(2, 3, *INPUT_HW) * 255


def test_the_output_has_the_geometry_that_the_config_states(segmenter):
    config, output = segmenter.config, segmenter(pixels())
    mask_hw = tuple(size // config.mask_stride for size in INPUT_HW)
    assert output.class_logits.shape == (2, config.num_queries, NUM_LABELS + 1)
    assert output.mask_logits.shape == (2, config.num_queries, *mask_hw)
    grids = [one.grid_hw(INPUT_HW) for one in config.feature_maps]
    expected = [
        (2, h * w, one.width) for (h, w), one in zip(grids, config.feature_maps, strict=True)
    ]
    assert [tuple(one.shape) for one in output.features] == expected
    config.check_geometry()
    assert segmenter.num_labels == NUM_LABELS


def test_encode_gives_the_features_and_nothing_else(segmenter):
    images = pixels()
    found, expected = segmenter.encode(images), segmenter(images).features
    assert len(found) == len(expected)
    assert all(map(torch.equal, found, expected))


def test_parts_without_features_are_those_that_no_feature_depends_on(segmenter):
    for part in segmenter.parts_without_features():
        part.requires_grad_(False)
    sum(one.square().sum() for one in segmenter.encode(pixels())).backward()
    untouched = {name for name, p in segmenter.named_parameters() if p.grad is None}
    assert untouched == {name for name, p in segmenter.named_parameters() if not p.requires_grad}


def test_all_parameters_learn_from_the_losses_of_stage_1(segmenter):
    weight = float(segmenter.config.mask_width > 0)
    settings = SegmentationTraining((Phase(INPUT_HW, 9),), semantic_weight=weight)
    module, size = SegmentationLosses(segmenter.train(), settings), INPUT_HW[0] // 4
    masks = torch.zeros(1, size, INPUT_HW[1] // 4)
    masks[:, :, :5] = 1
    targets = [SegmentTargets(torch.tensor([1]), masks, masks[0].long())] * 2
    totals = count_totals(targets, segmenter.config.num_queries, settings)
    terms = module(pixels().byte(), targets, 0, totals, sample_generators(0, 0, 2, "cpu"))
    assert terms.keys() == {"class", "mask", "dice"} | ({"semantic"} if weight else set())
    sum(terms.values()).backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_pictures_of_no_one_and_many_segments_teach_together(segmenter):
    """More segments than there are queries, too."""
    weight = float(segmenter.config.mask_width > 0)
    settings = SegmentationTraining((Phase(INPUT_HW, 9),), semantic_weight=weight)
    module, grid = SegmentationLosses(segmenter.train(), settings), (INPUT_HW[0] // 4, 16)
    targets = []
    for count in (0, 1, 60):
        owners = torch.arange(grid[0] * grid[1]).view(grid) % max(count, 1)
        masks = torch.stack([owners == k for k in range(count)] or [owners < 0])[:count].float()
        semantic = torch.full(grid, 0 if count else -1)
        targets.append(SegmentTargets(torch.zeros(count).long(), masks, semantic))
    totals = count_totals(targets, segmenter.config.num_queries, settings)
    assert totals.matches == 1 + segmenter.config.num_queries
    images = torch.rand(3, 3, *INPUT_HW) * 255
    terms = module(images.byte(), targets, 0, totals, sample_generators(0, 0, 3, "cpu"))
    sum(terms.values()).backward()
    grads = [parameter.grad for parameter in module.parameters()]
    assert all(grad is not None and grad.isfinite().all() for grad in grads)


def test_the_longest_sequence_of_attention_is_stated(segmenter):
    lengths = [0]
    for name, module in segmenter.named_modules():
        if name.endswith(".k_proj"):
            module.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[-2]))
    segmenter(pixels())
    assert segmenter.num_tokens(INPUT_HW) == max(lengths)


@dataclass(frozen=True)
class Odd(ToyConfig):
    maps: tuple[FeatureMap, ...] = ()
    type: str = field(default="odd", init=False)
    mask_stride = 12
    feature_maps = property(lambda self: self.maps)


@pytest.mark.parametrize(
    ("maps", "input_hw", "said"),
    [
        (((8, 4), (12, 4)), (48, 48), "must divide the coarsest one, 12; 8 does not"),
        (((8, 4), (16, 4)), (48, 40), r"input_hw \(48, 40\) must be multiples of 48 px"),
        (((8, 4),), (0, 48), r"input_hw \(0, 48\) must be multiples of 24 px"),
    ],
)
def test_grids_that_do_not_fit_into_each_other_are_refused(maps, input_hw, said):
    network = Odd(input_hw=input_hw, maps=tuple(FeatureMap(*one) for one in maps))
    with pytest.raises(ValueError, match=said):
        ModelConfig("odd", segmenter=network)


def test_a_fused_model_needs_relation_cells_of_whole_mask_cells():
    network = Odd(input_hw=(96, 96), maps=(FeatureMap(8, 4),))
    config = ModelConfig("odd", segmenter=network, relations=RelationConfig(cell_patches=2))
    model = DsFlash(config, Toy(network, NUM_LABELS), num_predicates=2)
    with pytest.raises(ValueError, match="cells of 16 px to be whole mask cells of 12 px"):
        FusedGraph(model, [True] * NUM_LABELS, 3)
    wider = replace(config, relations=RelationConfig(cell_patches=3))
    FusedGraph(DsFlash(wider, Toy(network, NUM_LABELS), 2), [True] * NUM_LABELS, 3)


def test_configs_are_read_without_torch():
    code = "import sys, psg_ros.network.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
