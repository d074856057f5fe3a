# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What TensorRT asks of 8-bit products: types and scales of Q and DQ nodes, and where they stand.

Sources: "Explicit Quantization" in the developer guide of TensorRT 10, and what NVIDIA's Model
Optimizer writes for it. A DQ node (DequantizeLinear) melts into the product that reads it only
where it stands directly before it, on both of its inputs; elsewhere the product runs in float,
after more work than without quantization, or no kernel is found.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import NodeProto, TensorProto, numpy_helper

from psg_ros.network.typed_graph import Graph, attribute, type_name

EIGHT_BITS = frozenset({TensorProto.INT8, TensorProto.FLOAT8E4M3FN})
PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def check_linear(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Yield what is wrong with a QuantizeLinear or a DequantizeLinear."""
    where = f"{node.op_type} ({node.output[0]})"
    yield from _check_zero_point(node, graph, where)
    if node.op_type == "QuantizeLinear":
        data, scale, made = map(graph.type_of, (*node.input[:2], node.output[0]))
        if made not in EIGHT_BITS:
            yield f"{where} to {type_name(made)}: it takes INT8 and FLOAT8E4M3FN"
        if data != scale:
            yield f"{where} of {type_name(data)} with a scale in {type_name(scale)}: one type"
    if (scales := graph.constants.get(node.input[1])) is None:
        yield f"{where} with a scale that is no constant"
        return
    values = numpy_helper.to_array(scales).astype(np.float64)
    if not (np.isfinite(values).all() and (values > 0).all()):
        yield f"{where} with a scale that is not above 0"
    if values.size > 1 and _weight_of(node, graph) is None:
        yield f"{where} with {values.size} scales: activations have one, only weights have more"


def check_product(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Yield what keeps a product with an 8-bit input from being computed in eight bits."""
    where = f"{node.op_type} ({node.output[0]})"
    made_by = [graph.makers.get(name) for name in node.input[:2]]
    for maker in made_by:
        if maker is not None and maker.op_type == "Cast" and _is_small(maker.input[0], graph):
            yield f"{where} behind a Cast of a DequantizeLinear: nothing may stand between them"
    small = [m for m in made_by if m is not None and m.op_type == "DequantizeLinear"]
    if len(small) == 1:
        yield f"{where} with one input of eight bits: both or none"
    kinds = {graph.type_of(maker.input[0]) for maker in small}
    if len(kinds) > 1:
        yield f"{where} of {' and '.join(sorted(map(type_name, kinds)))}: both inputs have one type"
    if made_by[1] in small:
        yield from _check_weight_scales(node, made_by[1], graph, where)


def _check_zero_point(node: NodeProto, graph: Graph, where: str) -> Iterator[str]:
    """Quantization is symmetric."""
    zero = node.input[2] if len(node.input) > 2 else ""
    if not zero:
        return
    if (values := graph.constants.get(zero)) is None:
        yield f"{where} with a zero point that is no constant"
    elif numpy_helper.to_array(values).astype(np.float32).any():
        yield f"{where} with a zero point that is not 0"


def _check_weight_scales(
    node: NodeProto, linear: NodeProto, graph: Graph, where: str
) -> Iterator[str]:
    """Weights have one scale for each output channel, or one for all."""
    scale, weight = graph.constants.get(linear.input[1]), _weight_of(linear, graph)
    if scale is None or weight is None or np.prod(scale.dims) <= 1:
        return
    if node.op_type == "ConvTranspose":
        yield f"{where} with {scale.dims[0]} scales of its weights: it takes one"
        return
    rank = len(weight.dims)
    axis, wanted = attribute(linear, "axis", 1) % rank, channel_axis(node) % rank
    if axis != wanted:
        yield f"{where} with scales along axis {axis} of its weights, not {wanted}"


def channel_axis(node: NodeProto) -> int:
    """Return which axis of a product's weights is that of its output channels."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "Gemm" and attribute(node, "transB", 0):
        return 0
    return 1 if node.op_type == "ConvTranspose" else -1


def _weight_of(linear: NodeProto, graph: Graph) -> TensorProto | None:
    """Return the constant that a Q or DQ reads, or the Q before it; None: no constant."""
    maker = graph.makers.get(linear.input[0])
    if maker is not None and maker.op_type == "QuantizeLinear":
        linear = maker
    return graph.constants.get(linear.input[0])


def _is_small(name: str, graph: Graph) -> bool:
    maker = graph.makers.get(name)
    return maker is not None and maker.op_type == "DequantizeLinear"
