# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A range is what all pictures together need, but for the share that may lie beyond it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

pytest.importorskip("onnxruntime", reason="runs the network")

from psg_ros.network.ranges import measure_ranges

PICTURES = [{"x": np.arange(-3, 97, dtype=np.float32)}, {"x": np.full(100, -7, np.float32)}]


@pytest.fixture
def model() -> onnx.ModelProto:
    """y = -x, which is no output, and z = |y|."""
    nodes = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Abs", ["y"], ["z"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [100]) for name in ("x", "z")]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)


@pytest.mark.parametrize(("beyond", "largest"), [(0, 96), (1 / 200, 96), (2 / 200, 95), (0.05, 87)])
def test_it_is_the_least_of_the_largest_magnitudes(model, beyond, largest):
    assert measure_ranges(model, ["y", "z"], PICTURES, beyond) == {"y": largest, "z": largest}


def test_the_order_of_the_pictures_does_not_matter(model):
    assert measure_ranges(model, ["y"], PICTURES[::-1], 0.05) == {"y": 87}


def test_the_network_stays_as_it_was(model):
    before = model.SerializeToString()
    measure_ranges(model, ["y"], PICTURES, 0)
    assert model.SerializeToString() == before


def test_without_pictures_there_is_no_range(model):
    with pytest.raises(ValueError, match="no pictures to measure ranges on"):
        measure_ranges(model, ["y"], [], 0)
