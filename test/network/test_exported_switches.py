# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks with the readings that are not the default: they export, and say what torch says."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from backends import needs

from psg_ros.network import export
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.fused import FusedGraph
from psg_ros.network.segmenters.eomt_config import EomtConfig

INPUT_HW, NUM_CELLS = (96, 144), 12
TOLERANCE = 1e-4
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # the exporter's own
    needs("onnxruntime"),
]


def small_model(merge_ratio: float = 0.0, merge_rope: str = "own", **relations) -> DsFlash:
    """Return random weights; the relation grid is 3 x 4 cells of 2 patches."""
    torch.manual_seed(0)
    segments = EomtConfig(
        input_hw=INPUT_HW, dim=16, depth=2, num_heads=2, num_queries=6, num_query_blocks=1,
        taps=(0, 1), merge_ratio=merge_ratio, merge_rope=merge_rope,
    )  # fmt: skip
    pairs = RelationConfig(
        dim=24, depth=2, num_heads=2, head_hidden=16, cell_patches=2, **relations
    )
    config = ModelConfig("small", segmenter=segments, relations=pairs)
    return build_dsflash(config, num_labels=5, num_predicates=4).eval()


def image() -> torch.Tensor:
    shape = (1, *INPUT_HW, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.manual_seed(1))


def assert_agrees(path: Path, arguments: tuple[torch.Tensor, ...], expected) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    inputs = {name: a.numpy() for name, a in zip(names, arguments, strict=True)}
    for value, truth in zip(session.run(None, inputs), expected, strict=True):
        np.testing.assert_allclose(value, truth.numpy(), atol=TOLERANCE)


def test_projected_taps(tmp_path):
    path, model = tmp_path / "segmenter.onnx", small_model(tap_projection=8)
    assert model.relations.tap_embedding.embed.in_channels == 16
    export.export_segmenter(model, str(path))
    with torch.no_grad():
        expected = export.SegmenterGraph(model)(image())
    assert_agrees(path, (image(),), expected)


def test_mean_rotary_code_of_merged_tokens(tmp_path):
    path, ratio = tmp_path / "segmenter.onnx", 0.4
    model = small_model(ratio, "mean")
    export.export_segmenter(model, str(path))
    with torch.no_grad():
        expected, own = (
            export.SegmenterGraph(network)(image()) for network in (model, small_model(ratio))
        )
    assert not torch.allclose(expected[1], own[1], atol=10 * TOLERANCE), "the rule must show"
    assert_agrees(path, (image(),), expected)
    tensors = onnx.load(str(path)).graph.value_info
    assert not [d for t in tensors for d in t.type.tensor_type.shape.dim if d.dim_param], "static"


@pytest.mark.parametrize("prune", [False, True])
def test_onoff_masks(tmp_path, prune):
    path, model = tmp_path / "relations.onnx", small_model(background="onoff", prune=prune)
    export.export_relations(model, str(path))
    subject, other = torch.rand(2, 5, NUM_CELLS) * (torch.rand(2, 5, NUM_CELLS) > 0.5)
    tokens, boxes = torch.randn(1, NUM_CELLS, 24), torch.rand(5, 8) * 2 - 1
    with torch.no_grad():
        expected = model.relations(tokens, subject, other, boxes)
        whole = model.relations(tokens, subject.ceil(), other.ceil(), boxes)
    torch.testing.assert_close(expected, whole, atol=1e-6, rtol=0)
    cells = torch.arange(NUM_CELLS, dtype=torch.int32).expand(5, -1).contiguous()
    places = (tokens, cells) if prune else (tokens,)
    assert_agrees(path, (*places, subject, other, boxes), expected)


def test_onoff_masks_in_one_graph(tmp_path):
    path, model = tmp_path / "fused.onnx", small_model(background="onoff", prune=True)
    is_thing, slots = [True, True, True, False, False], 4
    export.export_fused(model, str(path), is_thing, slots)
    edges = torch.linspace(-1, 1, 25), torch.linspace(-1, 1, 37)
    arguments = (
        image(),
        torch.tensor([0.0, 0.0]),
        torch.tensor([24, 36], dtype=torch.int32),
        *edges,
    )
    with torch.no_grad():
        expected = FusedGraph(model, is_thing, slots)(*arguments)
    assert (expected[1] < slots).sum() >= 2, "a pair at least"
    assert_agrees(path, arguments, expected)
