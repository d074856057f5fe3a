# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exported graphs say what torch says, on both CPU backends, and use plain operators only."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch

from psg_ros.modeling import export
from psg_ros.modeling.dsflash import DsFlash

# Operators that TensorRT, OpenVINO and ONNX Runtime all run without data-dependent shapes.
ALLOWED = {
    "Add", "Cast", "Concat", "Constant", "Conv", "ConvTranspose", "Cos", "Div", "Erf", "Expand",
    "Gather", "Gemm", "LayerNormalization", "MatMul", "Max", "Mul", "Neg", "Relu", "Reshape",
    "Shape", "Sigmoid", "Sin", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tile",
    "Transpose", "Unsqueeze",
}  # fmt: skip
# What token merging adds; all of fixed sizes.
MERGING = {
    "And", "ArgMax", "Equal", "GatherElements", "Less", "ReduceL2", "ReduceMax", "ReduceSum",
    "TopK", "Where",
}  # fmt: skip
TOLERANCE = 1e-4


def run_onnxruntime(path: Path, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def run_openvino(path: Path, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    return [compiled(inputs)[output] for output in compiled.outputs]


def assert_allowed(path: Path, allowed: set[str] = ALLOWED) -> None:
    used = {node.op_type for node in onnx.load(str(path)).graph.node}
    assert used <= allowed, f"new operators: {sorted(used - allowed)}"
    assert "LayerNormalization" in used, "LayerNorm must stay whole: its parts overflow fp16"


@pytest.fixture
def image(small_model) -> torch.Tensor:
    size = small_model.config.segmenter.input_hw
    return torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8)


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_segmenter_graph_agrees_on_both_backends(small_model, image, tmp_path):
    path = tmp_path / "segmenter.onnx"
    export.export_segmenter(small_model, str(path))
    assert_allowed(path)
    with torch.no_grad():
        expected = export.SegmenterGraph(small_model)(image)
    for run in (run_onnxruntime, run_openvino):
        for value, truth in zip(run(path, {"image": image.numpy()}), expected, strict=True):
            np.testing.assert_allclose(value, truth.numpy(), atol=TOLERANCE)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_segmenter_graph_with_token_merging_agrees_on_both_backends(
    small_model, image, tmp_path, ratio
):
    path, config = tmp_path / "segmenter.onnx", small_model.config
    segmenter = dataclasses.replace(config.segmenter, merge_ratio=ratio)
    merging = DsFlash(dataclasses.replace(config, segmenter=segmenter), 5, 4).eval()
    merging.load_state_dict(small_model.state_dict())
    export.export_segmenter(merging, str(path))
    assert_allowed(path, ALLOWED | MERGING)
    with torch.no_grad():
        expected = export.SegmenterGraph(merging)(image)
        whole = export.SegmenterGraph(small_model)(image)
    assert not torch.allclose(expected[1], whole[1], atol=10 * TOLERANCE), "merging must show"
    for run in (run_onnxruntime, run_openvino):
        for value, truth in zip(run(path, {"image": image.numpy()}), expected, strict=True):
            np.testing.assert_allclose(value, truth.numpy(), atol=TOLERANCE)


@pytest.mark.filterwarnings("ignore")
def test_relation_graph_agrees_for_any_number_of_pairs(small_model, tmp_path):
    path = tmp_path / "relations.onnx"
    export.export_relations(small_model, str(path))
    assert_allowed(path)
    stage = small_model.relations
    cells = stage.grid_hw[0] * stage.grid_hw[1]
    for pairs in (1, 2, 33):
        inputs = (
            torch.randn(1, cells, 24), torch.rand(pairs, cells), torch.rand(pairs, cells),
            torch.rand(pairs, 8) * 2 - 1,
        )  # fmt: skip
        named = dict(zip(export.RELATION_NAMES[0], (x.numpy() for x in inputs), strict=True))
        with torch.no_grad():
            expected = stage(*inputs)
        for run in (run_onnxruntime, run_openvino):
            for value, truth in zip(run(path, named), expected, strict=True):
                np.testing.assert_allclose(value, truth.numpy(), atol=TOLERANCE)
