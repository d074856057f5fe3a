# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From the image to the graph with no mask, with one and with sixty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mask2former_checkpoints import MASK2FORMER, PRO_SCALE

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.labels import load_vocabulary
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.export import SegmenterGraph
from psg_ros.network.segmenters.mask2former.network import Mask2Former
from psg_ros.resources import share_path
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.torch_runtime.backend import TorchBackend
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.torch_pipeline import describe_run

INPUT_HW = (128, 192)
MOST = 60
DRAWN = 240
RELATIONS = RelationConfig(dim=16, depth=1, num_heads=2, head_hidden=16, cell_patches=1)
PERSON = 0
LABELS = share_path() / "config" / "labels" / "psg.yaml"


def network(kind: str, num_queries: int) -> DsFlash:
    sizes = {"mask2former": MASK2FORMER, "pro_scale": PRO_SCALE}[kind]
    segmenter = replace(sizes, input_hw=INPUT_HW, num_queries=num_queries, dim=64)
    return build_dsflash(ModelConfig(kind, segmenter=segmenter, relations=RELATIONS), 133, 56)


@torch.no_grad()
def spread(segmenter: Mask2Former, pixels: torch.Tensor) -> None:
    """Make masks of random queries lie apart: no common part, and no query sees another."""
    segmenter.decoder.query_features.normal_(0, 10)
    for name, parameter in segmenter.decoder.named_parameters():
        if "self_attention.out_proj" in name:
            parameter.zero_()
    bias = segmenter.pixel_decoder.mask_features.bias
    assert bias is not None
    bias.sub_(segmenter.decode_pixels(pixels)[0].mean(dim=(0, 2, 3)))


@torch.no_grad()
def largest_masks(segmenter: Mask2Former, pixels: torch.Tensor) -> torch.Tensor:
    """Return which queries win most cells."""
    value, winner = segmenter(pixels).mask_logits[0].max(dim=0)
    won = torch.bincount(winner[value >= 0], minlength=DRAWN)
    best = won.topk(MOST)
    assert best.values.min() >= 2
    return best.indices


@torch.no_grad()
def call_persons(segmenter: Mask2Former) -> None:
    """Let all queries say "person", the first one a little more surely."""
    head, features = segmenter.decoder.class_head, segmenter.decoder.query_features
    head.weight.zero_()
    head.bias.fill_(-20)
    head.bias[PERSON] = 0
    head.bias[-1] = -2
    head.weight[PERSON] = 1e-3 * features[0] / features[0].norm()


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*INPUT_HW, 3), dtype=np.uint8)


def model_of(kind: str, image: np.ndarray) -> DsFlash:
    """A model whose sixty masks all appear in the image."""
    torch.manual_seed(0)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    many, model = network(kind, DRAWN).eval(), network(kind, MOST).eval()
    spread(many.segmenter, pixels)
    chosen = largest_masks(many.segmenter, pixels)
    weights = many.segmenter.state_dict()
    for name in ("decoder.query_features", "decoder.query_positions"):
        weights[name] = weights[name][chosen]
    model.segmenter.load_state_dict(weights)
    call_persons(model.segmenter)
    return model


@pytest.fixture
def open_pipeline(tmp_path: Path) -> Callable[..., Pipeline]:
    """A function that puts a network behind the stages that are deployed, as a run's is."""

    def opened(model: DsFlash, **thresholds: float) -> Pipeline:
        files = tmp_path / "segmenter.pt", tmp_path / "relations.pt"
        save_weights(model.segmenter.state_dict(), files[0])
        save_weights(model.relations.state_dict(), files[1])
        manifest = describe_run(model, files)
        parts = {"segmenter": SegmenterGraph(model), "relations": model.relations}
        backends = [TorchBackend(part, manifest.artifact(n), "cpu") for n, part in parts.items()]
        folder = ModelFolder(tmp_path, manifest, load_vocabulary(LABELS))
        return Pipeline(PipelineConfig(str(tmp_path), **thresholds), folder, *backends)

    return opened


@pytest.mark.parametrize("kind", ["mask2former", "pro_scale"])
def test_none_one_and_sixty_masks_become_nodes_and_pairs(kind, image, open_pipeline):
    model = model_of(kind, image)
    all_kept = {"overlap_threshold": 0.0, "relation_threshold": 0.0}
    everything = open_pipeline(model, score_threshold=0.0, **all_kept)(Frame(image))
    scores = np.sort(everything.segmentation.scores)
    between = float(scores[-2] + scores[-1]) / 2
    for threshold, count in ((0.0, MOST), (between, 1), (0.99, 0)):
        graph = open_pipeline(model, score_threshold=threshold, **all_kept)(Frame(image))
        assert len(graph.nodes) == count
        assert len(graph.relation_scores.pairs) == count * (count - 1)
        assert np.isfinite(graph.relation_scores.logits).all()
        assert bool(graph.relations) == (count > 1)
