# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests' own writer of ONNX files writes is what the package onnx writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_writing
import pytest
from tiny_model import write_tiny_model

from psg_ros.robot.manifest import TensorSpec

onnx = pytest.importorskip("onnx", reason="compares with the package onnx")


def test_every_byte_is_the_one_of_onnx() -> None:
    constants = {
        "weight": np.arange(600, dtype=np.float32).reshape(1, 3, 10, 20),
        "axes": np.array([0, -1]),
        "scalar": np.float32(0.5),
    }
    pooling = {"kernel_shape": (4, 4), "strides": (2, 300)}
    ours = onnx_writing.network(
        "both",
        [
            onnx_writing.node("Cast", ["image"], ["pixels"], to=onnx_writing.FLOAT),
            onnx_writing.node("AveragePool", ["pixels"], ["small"], **pooling),
        ],
        [TensorSpec("image", "uint8", (1, 640, 960, 3))],
        [TensorSpec("small", "float32", (-1, 0))],
        constants,
        free_axes={"small": "box"},
        metadata={"names": '["cup"]', "version": "1"},
    )
    helper = onnx.helper
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["pixels"], to=onnx.TensorProto.FLOAT),
            helper.make_node("AveragePool", ["pixels"], ["small"], **pooling),
        ],
        "both",
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, [1, 640, 960, 3])],
        [helper.make_tensor_value_info("small", onnx.TensorProto.FLOAT, ["box", 0])],
        [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    theirs = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(theirs, {"names": '["cup"]', "version": "1"})
    assert ours == theirs.SerializeToString(deterministic=True)


def test_onnx_finds_nothing_wrong_with_the_tiny_model(tmp_path: Path) -> None:
    for path in write_tiny_model(tmp_path).glob("*.onnx"):
        onnx.checker.check_model(onnx.load(str(path)), full_check=True)
