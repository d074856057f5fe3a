# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network that prunes: exported and run by the deployed stage, it says what torch says."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from backends import EACH, INSTALLED

from psg_ros.network import export
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.robot.forms.relations import PairInputs, RelationNetwork
from psg_ros.robot.manifest import ArtifactSpec, load_model_folder
from psg_ros.robot.ops.image import place
from psg_ros.robot.ops.pairs import choose_pairs
from psg_ros.robot.ops.panoptic import MergedMasks
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.runtime.backend import open_backend
from psg_ros.scene_graph import Segmentation
from psg_ros.setting_files import config_from_dict
from psg_ros.training.release import describe_artifact

INPUT_HW = (96, 144)
NUM_PREDICATES = 4
TOLERANCE = 1e-4


def small_model(prune: bool, split: str = "gate", input_hw: tuple[int, int] = INPUT_HW) -> DsFlash:
    """Return random weights with relation cells of one patch, 6 x 9 unless said."""
    torch.manual_seed(0)
    segmenter = EomtConfig(
        input_hw=input_hw,
        dim=16,
        depth=2,
        num_heads=2,
        num_queries=6,
        num_query_blocks=1,
        taps=(0, 1),
    )
    relations = RelationConfig(
        dim=24, depth=2, num_heads=2, head_hidden=16, cell_patches=1, prune=prune, split=split
    )
    config = ModelConfig("small", segmenter=segmenter, relations=relations)
    return build_dsflash(config, num_labels=5, num_predicates=NUM_PREDICATES).eval()


@pytest.fixture(scope="module")
def artifact(tmp_path_factory) -> tuple[Path, ArtifactSpec]:
    path = tmp_path_factory.mktemp("pruned") / "relations.onnx"
    export.export_relations(small_model(prune=True), str(path))
    facts = describe_artifact(path, {"pair": 500, "token": 54})
    return path, config_from_dict(ArtifactSpec, facts, path.name)


def masks_of(num_masks: int) -> MergedMasks:
    """Return segments from rectangles, later ones on top, some at the border, some hidden."""
    rng = np.random.default_rng(0)
    label_map = np.full(INPUT_HW, -1, np.int32)
    for mask in range(num_masks):
        top, left = rng.integers(-9, 90), rng.integers(-9, 138)
        bottom, right = top + rng.integers(4, 60), left + rng.integers(4, 60)
        label_map[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = mask
    scores = np.full(num_masks, 0.9, np.float32)
    segmentation = Segmentation(label_map, np.zeros(num_masks, np.int64), scores)
    return MergedMasks(segmentation, label_map, 1)


def torch_logits(model: DsFlash, tokens: np.ndarray, pairs: PairInputs) -> np.ndarray:
    arrays = (tokens, pairs.subject_overlap, pairs.object_overlap, pairs.boxes)
    with torch.no_grad():
        forward, backward = model.relations(*(torch.from_numpy(array) for array in arrays))
    return torch.cat((forward, backward)).numpy()


@pytest.mark.parametrize("num_masks", [0, 1, 2, 11, 60])
@pytest.mark.parametrize("name", EACH)
def test_deployed_stage_agrees_with_torch(artifact, tiny_model, name, num_masks):
    path, spec = artifact
    manifest = dataclasses.replace(
        load_model_folder(str(tiny_model)).manifest,
        input_hw=INPUT_HW, grid_hw=(6, 9), cell_px=(16, 16), artifacts={"relations": spec},
    )  # fmt: skip
    model, masks = small_model(prune=True), masks_of(num_masks)
    tokens = np.random.default_rng(1).normal(size=(1, 54, 24)).astype(np.float32)
    backend = open_backend(name, path, spec, threads=1, precision="fp32")
    vocabulary = SimpleNamespace(num_predicates=NUM_PREDICATES, label_names=(), predicate_names=())
    folder = SimpleNamespace(manifest=manifest, vocabulary=vocabulary, words=None)
    relations = RelationNetwork(backend, folder)
    regions = measure_regions(masks.segmentation.label_map, num_masks)
    found = masks.segmentation
    wanted = choose_pairs(found.labels, found.scores)
    pairs = relations.prepare(masks, regions, place(INPUT_HW, INPUT_HW), wanted)
    scores = relations.infer(tokens, pairs)
    backend.close()
    count = num_masks * (num_masks - 1)
    assert scores.logits.shape == (count, NUM_PREDICATES + 1) and len(scores.pairs) == count
    if count:
        expected = torch_logits(model, tokens, pairs)
        np.testing.assert_allclose(scores.logits, expected, atol=TOLERANCE)
    if num_masks > 2:
        dense = torch_logits(small_model(prune=False), tokens, pairs)
        assert np.abs(dense - expected).max() > 10 * TOLERANCE, "pruning must show"


@pytest.mark.parametrize("grid_hw", [(1, 1), (1, 2), (1, 3), (2, 2)])
def test_a_grid_of_a_few_cells_can_be_exported(grid_hw, tmp_path):
    path = tmp_path / "relations.onnx"
    model = small_model(prune=True, input_hw=(grid_hw[0] * 16, grid_hw[1] * 16))
    export.export_relations(model, str(path))
    facts = describe_artifact(path, {"pair": 500, "token": grid_hw[0] * grid_hw[1]})
    spec = config_from_dict(ArtifactSpec, facts, path.name)
    num_cells, pairs = grid_hw[0] * grid_hw[1], 3
    generator = torch.manual_seed(1)
    overlaps = torch.rand(2, pairs, num_cells, generator=generator)
    overlaps *= torch.rand(2, pairs, num_cells, generator=generator) > 0.4
    inputs = {
        "patch_tokens": torch.randn(1, num_cells, 24, generator=generator),
        "cells": torch.arange(num_cells, dtype=torch.int32).expand(pairs, -1).contiguous(),
        "subject_overlap": overlaps[0],
        "object_overlap": overlaps[1],
        "boxes": torch.rand(pairs, 8, generator=generator) * 2 - 1,
    }
    tokens, _, subject, other, boxes = inputs.values()
    with torch.no_grad():
        expected = model.relations(tokens, subject, other, boxes)
    for name in INSTALLED:
        backend = open_backend(name, path, spec, threads=1, precision="fp32")
        found = backend.run({key: value.numpy() for key, value in inputs.items()})
        for way, truth in zip(("forward", "backward"), expected, strict=True):
            np.testing.assert_allclose(found[f"{way}_logits"], truth.numpy(), atol=TOLERANCE)


@pytest.mark.parametrize("split", ["gate", "two_linear", "none"])
def test_chosen_cells_in_any_order_give_what_all_cells_give(split):
    model, pairs = small_model(prune=True, split=split), 5
    subject, other = torch.rand(2, pairs, 54) * (torch.rand(2, pairs, 54) > 0.7)
    tokens, boxes = torch.randn(1, 54, 24), torch.rand(pairs, 8) * 2 - 1
    cells = (subject + other > 0).int().argsort(dim=1, descending=True)[:, :48]
    chosen = (subject.gather(1, cells), other.gather(1, cells))
    with torch.no_grad():
        expected = model.relations(tokens, subject, other, boxes)
        found = export.PrunedRelationGraph(model.relations)(tokens, cells, *chosen, boxes)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_token_and_pair_axes_are_free_and_no_operator_depends_on_data(artifact):
    path, spec = artifact
    assert {t.name: t.shape for t in spec.inputs} == {
        "patch_tokens": (1, 54, 24), "cells": (-1, -1), "subject_overlap": (-1, -1),
        "object_overlap": (-1, -1), "boxes": (-1, 8),
    }  # fmt: skip
    used = {node.op_type for node in onnx.load(str(path)).graph.node}
    assert not used & {"NonZero", "Loop", "If", "Scan", "Compress", "Unique", "ScatterND"}
    assert "LayerNormalization" in used
