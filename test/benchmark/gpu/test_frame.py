# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame that a GPU runs as one graph, run on the CPU step by step: its arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from psg_ros.benchmark.gpu.frame import FrameRunner, WholeFrame, rank
from psg_ros.benchmark.gpu.variants import VARIANTS, model_config
from psg_ros.benchmark.ladder.scene import make_scene
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.resources import share_path
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.scene_graph import RelationScores
from psg_ros.setting_files import load_config

LABELS, PREDICATES, SLOTS, MASKS = 12, 5, 8, 5
IS_THING = [True] * LABELS


def model() -> DsFlash:
    torch.manual_seed(0)
    segmenter = EomtConfig(
        input_hw=(192, 192), dim=32, depth=4, num_heads=2, num_queries=16, num_query_blocks=2,
        taps=(0, 1, 2, 3),
    )  # fmt: skip
    relations = RelationConfig(dim=24, depth=3, num_heads=2, head_hidden=16, prune=True)
    config = ModelConfig(name="tiny", segmenter=segmenter, relations=relations)
    return build_dsflash(config, LABELS, PREDICATES).eval()


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor]:
    made = make_scene(
        MASKS, num_queries=16, num_labels=LABELS, grid_hw=(48, 48), content_hw=(36, 48), seed=1
    )
    return torch.from_numpy(made.class_logits), torch.from_numpy(made.mask_logits)


IMAGE = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (144, 192, 3), np.uint8))


def runner(scene, **options) -> FrameRunner:
    return FrameRunner(WholeFrame(model(), IS_THING, SLOTS, scene=scene, **options), IMAGE, "cpu")


def test_the_segments_of_the_scene_come_out_and_are_related(scene) -> None:
    found = runner(scene)()
    inside = found.segment_map[:36]
    assert len(inside.unique()) == MASKS and inside.max() < SLOTS
    assert (found.segment_map[36:] == SLOTS).all(), "the padding is no segment"
    assert int((found.scores > 0).sum()) == MASKS * (MASKS - 1), "every directed pair"
    assert (found.scores.diff() <= 0).all() and found.predicates.max() < PREDICATES
    assert not found.overflows


def test_packing_changes_nothing_but_says_when_it_has_no_room(scene) -> None:
    whole, packed, narrow = (runner(scene, room=room)() for room in (0, 2000, 30))
    torch.testing.assert_close(packed.scores, whole.scores, atol=1e-5, rtol=0)
    assert torch.equal(packed.segment_map, whole.segment_map)
    assert not packed.overflows and narrow.overflows


def test_half_precision_finds_the_same_segments(scene) -> None:
    whole, half = (runner(scene, dtype=dtype)() for dtype in (torch.float32, torch.bfloat16))
    assert torch.equal(half.segment_map, whole.segment_map)
    torch.testing.assert_close(half.scores, whole.scores, atol=0.05, rtol=0)


def test_a_frame_sees_the_image_of_its_call() -> None:
    image = IMAGE.clone()
    frame = FrameRunner(WholeFrame(model(), IS_THING, SLOTS), image, "cpu")
    seen = []
    frame._frame.fused.segmenter.register_forward_hook(lambda *a: seen.append(a[1][0].clone()))
    frame()
    image.zero_()
    frame()
    assert seen[0].abs().sum() > 0 == seen[1].abs().sum()


def test_ranking_is_that_of_the_node() -> None:
    torch.manual_seed(3)
    pairs = torch.tensor([[0, 1], [1, 0], [0, 2], [2, 0], [1, 2], [2, 1]])
    logits = torch.randn(6, 1 + PREDICATES)
    scores, subjects, objects, predicates = rank(
        logits, pairs[:, 0], pairs[:, 1], torch.tensor([0, 1, 2])
    )
    expected = rank_relations(RelationScores(pairs.numpy().astype(np.int32), logits.numpy()))
    assert [t[:3] for t in expected] == list(
        zip(subjects.tolist(), objects.tolist(), predicates.tolist(), strict=True)
    )
    np.testing.assert_allclose(scores, [t.score for t in expected], atol=1e-6)


def test_a_slot_that_joined_another_is_in_no_relation() -> None:
    pairs = torch.tensor([[0, 1], [1, 2]])
    scores, *_ = rank(torch.zeros(2, 3), pairs[:, 0], pairs[:, 1], torch.tensor([0, 1, 1]))
    assert scores.tolist() == [0.25, 0.0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_sizes_without_yaml_are_those_of_the_files(variant: str) -> None:
    path = share_path() / "config" / "model" / f"dsflash_{variant}.yaml"
    assert model_config(variant) == load_config(ModelConfig, path)
