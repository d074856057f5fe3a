# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame that a GPU runs as one graph, run on the CPU step by step: its arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fake_gpu_stream import FakeStream

from psg_ros.benchmark.gpu.frame import Processor, RankedFrame, StagedSegmenter
from psg_ros.benchmark.gpu.variants import VARIANTS, model_config
from psg_ros.benchmark.ladder.scene import make_scene
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.resources import share_path
from psg_ros.setting_files import load_config

LABELS, PREDICATES, SLOTS, MASKS = 12, 5, 8, 5
IS_THING = [True] * LABELS


@pytest.fixture
def model() -> DsFlash:
    torch.manual_seed(0)
    segmenter = EomtConfig(
        input_hw=(192, 192), dim=32, depth=4, num_heads=2, num_queries=16, num_query_blocks=2,
        taps=(0, 1, 2, 3),
    )  # fmt: skip
    relations = RelationConfig(dim=24, depth=3, num_heads=2, head_hidden=16, prune=True)
    config = ModelConfig(name="tiny", segmenter=segmenter, relations=relations)
    network = build_dsflash(config, LABELS, PREDICATES).eval()
    made = make_scene(
        MASKS, num_queries=16, num_labels=LABELS, grid_hw=(48, 48), content_hw=(36, 48), seed=1
    )
    scene = torch.from_numpy(made.class_logits), torch.from_numpy(made.mask_logits)
    network.segmenter = StagedSegmenter(network.segmenter, scene)
    return network


def frame(model, stream=None, precision="fp32", **options) -> RankedFrame:
    return RankedFrame(
        model, IS_THING, SLOTS, stream or Processor(), precision=precision, content_hw=(36, 48),
        **options,
    )  # fmt: skip


def test_every_segment_of_the_scene_is_related_with_every_other(model) -> None:
    found = frame(model)()
    assert len({(t.subject, t.object) for t in found}) == len(found) == MASKS * (MASKS - 1)
    assert sorted((t.score for t in found), reverse=True) == [t.score for t in found]
    assert all(t.predicate < PREDICATES for t in found)


def test_packing_and_capturing_change_nothing(model) -> None:
    plain = frame(model, packs=False)()
    for other in (frame(model)(), frame(model, FakeStream())()):
        assert [t[:3] for t in other] == [t[:3] for t in plain]
        np.testing.assert_allclose([t.score for t in other], [t.score for t in plain], atol=1e-5)


def test_half_precision_relates_the_same_segments(model) -> None:
    plain = {t[:2]: t.score for t in frame(model)()}
    half = {t[:2]: t.score for t in frame(model, precision="bf16")()}
    assert half.keys() == plain.keys() and half != plain
    np.testing.assert_allclose([half[p] for p in plain], list(plain.values()), atol=0.05)


def test_the_networks_own_work_is_done_on_the_bytes_of_the_call(model) -> None:
    timed, seen = frame(model), []
    model.segmenter.inner.register_forward_hook(lambda *a: seen.append(a[1][0].abs().sum()))
    timed()
    timed.inputs["image"][:] = 0
    timed()
    assert seen[0] > 0 == seen[1]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_sizes_without_yaml_are_those_of_the_files(variant: str) -> None:
    path = share_path() / "config" / "model" / f"dsflash_{variant}.yaml"
    assert model_config(variant) == load_config(ModelConfig, path)
