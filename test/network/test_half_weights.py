# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Halved files say nearly the same, in float32, on every backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from psg_ros.network.half_weights import halve

OPSET = 18


def write_network(path: Path, large: float = 1.0) -> dict[str, np.ndarray]:
    """A linear layer 40 -> 30 with a bias that is too small to be worth it."""
    rng = np.random.default_rng(0)
    weights = {
        "weight": (large * rng.standard_normal((40, 30))).astype(np.float32),
        "bias": rng.standard_normal(30).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 40])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 30])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 10
    onnx.save(model, str(path))
    return weights


def answers(path: Path, x: np.ndarray, backend: str) -> np.ndarray:
    if backend == "onnxruntime":
        ort = pytest.importorskip("onnxruntime")
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0]
    ov = pytest.importorskip("openvino")
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    return ov.Core().compile_model(str(path), "CPU", config)([x])[0]


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_the_network_computes_in_float32_with_rounded_weights(tmp_path, backend):
    path = tmp_path / "network.onnx"
    weights = write_network(path)
    before = path.stat().st_size
    halve(path)
    onnx.checker.check_model(str(path), full_check=True)
    x = np.random.default_rng(1).standard_normal((2, 40)).astype(np.float32)
    rounded = weights["weight"].astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(
        answers(path, x, backend), x @ rounded + weights["bias"], rtol=1e-4, atol=1e-5
    )
    assert path.stat().st_size < 0.6 * before


def test_values_that_float16_cannot_hold_stay(tmp_path):
    path = tmp_path / "network.onnx"
    weights = write_network(path, large=1e6)
    halve(path)
    kept = {t.name: numpy_helper.to_array(t) for t in onnx.load(str(path)).graph.initializer}
    np.testing.assert_array_equal(kept["weight"], weights["weight"])
