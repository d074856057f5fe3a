# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network quantized to int8 -> the same one in fp8 (E4M3FN), of the same ranges.

Numbers of fp8 are closer together near 0, so that only the largest number of a range matters: 127
steps of int8 become 448, the largest number of fp8.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 19
"""The first with fp8, and with scales in float16."""

FP8 = np.dtype(ml_dtypes.float8_e4m3fn)
LARGEST = float(ml_dtypes.finfo(FP8).max)
OF_INT8 = 127.0


def to_fp8(model: onnx.ModelProto) -> None:
    """Rewrite the Q and DQ nodes of a network; weights behind a Q become constants in fp8."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    linear = [n for n in graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    for name in {node.input[1] for node in linear}:
        scale = numpy_helper.to_array(constants[name])
        narrow = (scale * (OF_INT8 / LARGEST)).astype(scale.dtype)
        constants[name].CopyFrom(numpy_helper.from_array(narrow, name))
    for name in {node.input[2] for node in linear}:
        constants[name].CopyFrom(as_tensor(np.zeros(constants[name].dims), name))
    for node in linear:
        if node.op_type == "QuantizeLinear" and node.input[0] in constants:
            _store(node, graph, constants)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    del graph.value_info[:]  # they say int8


def as_tensor(values: np.ndarray, name: str) -> TensorProto:
    """Return a constant in fp8; the numbers must be within its range."""
    content = values.astype(FP8).tobytes()
    return helper.make_tensor(name, TensorProto.FLOAT8E4M3FN, values.shape, content, raw=True)


def _store(node: onnx.NodeProto, graph: onnx.GraphProto, constants: dict[str, TensorProto]) -> None:
    """Do the Q of a weight here and now."""
    values, scale = (numpy_helper.to_array(constants[name]) for name in node.input[:2])
    if scale.ndim:
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        scale = np.expand_dims(scale, [i for i in range(values.ndim) if i != axis % values.ndim])
    small = np.clip(values / scale, -LARGEST, LARGEST)
    graph.initializer.append(as_tensor(small, node.output[0]))
    graph.node.remove(node)
