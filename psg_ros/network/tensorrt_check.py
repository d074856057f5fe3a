# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether TensorRT takes an ONNX file, found out without TensorRT and without a GPU.

What is checked is what the parser documents, and what is known to make an engine slow or wrong. It
cannot say that an engine will build: only building does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import onnx
from onnx import NodeProto, TensorProto, numpy_helper

from psg_ros.network.tensorrt_operators import FLOATS, LARGEST_K, OPERATORS
from psg_ros.network.tensorrt_quantization import PRODUCTS, check_linear, check_product
from psg_ros.network.typed_graph import Graph, attribute, type_name
from psg_ros.robot.manifest import ArtifactSpec

MERGING_CURE = "export with a smaller input or --merge-ratio 0"


def check_artifact(path: Path, spec: ArtifactSpec) -> list[str]:
    """Return what TensorRT would refuse in a file of a model, a sentence each; empty: nothing.

    Raises:
        ValueError: not an ONNX file.
    """
    try:
        network = onnx.shape_inference.infer_shapes(onnx.load(str(path)), data_prop=True)
    except Exception as error:  # protobuf and shape inference raise several kinds
        raise ValueError(f"{path} is not an ONNX file, or damaged: {error}") from error
    return list(dict.fromkeys((*_check_axes(spec), *check_network(network))))


def check_network(network: onnx.ModelProto) -> Iterator[str]:
    """Yield what TensorRT would refuse in a network whose shapes have been inferred."""
    foreign = {entry.domain for entry in network.opset_import} - {"", "ai.onnx"}
    if foreign:
        yield f"operators of {', '.join(sorted(foreign))}: it knows those of ONNX alone"
    graph = Graph.of(network.graph)
    for node in graph.nodes:
        yield from _check_operator(node, graph)
        yield from RULES.get(node.op_type, _no_rule)(node, graph)


def _check_axes(spec: ArtifactSpec) -> Iterator[str]:
    for tensor in spec.inputs:
        if -1 in tensor.shape and not tensor.maximum:
            yield f"input {tensor.name} has a free axis without a maximum in the manifest"


def _check_operator(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Yield what is wrong with an operator and the type of its data."""
    if node.op_type not in OPERATORS:
        yield f"operator {node.op_type} is not in its table"
        return
    data = node.input[1 if node.op_type == "Where" else 0] if node.input else ""
    found = graph.type_of(data)
    if data and found not in OPERATORS[node.op_type]:
        yield f"{node.op_type} of {type_name(found)} ({data}): it takes {_names(node.op_type)}"


def _check_cast(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Bytes: floats are made of them at the inputs, and they of floats at the outputs."""
    before = graph.type_of(node.input[0])
    after = next(a.i for a in node.attribute if a.name == "to")
    if before == TensorProto.UINT8 and after not in FLOATS:
        yield f"Cast of UINT8 to {type_name(after)} ({node.input[0]}): bytes become floats only"
    if after == TensorProto.UINT8:
        if before not in FLOATS:
            kind = type_name(before)
            yield f"Cast of {kind} to UINT8 ({node.output[0]}): bytes are made of floats"
        if node.output[0] not in graph.outputs or node.output[0] in graph.readers:
            yield f"UINT8 inside of the network ({node.output[0]}): for inputs and outputs only"


def _check_topk(node: NodeProto, graph: Graph) -> Iterator[str]:
    """The number of values is a constant that has a limit."""
    if (count := graph.constants.get(node.input[1])) is None:
        yield f"TopK ({node.output[0]}) of a number that is no constant"
    elif (k := int(numpy_helper.to_array(count).ravel()[0])) > LARGEST_K:
        yield (
            f"TopK of {k:,} values ({node.output[0]}): the limit is {LARGEST_K:,}; token merging "
            f"sorts all patches: {MERGING_CURE}"
        )
    if attribute(node, "sorted", 1) != 1:
        yield f"TopK ({node.output[0]}) unsorted"


def _check_axes_input(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Axes are constants."""
    if len(node.input) > 1 and node.input[1] and node.input[1] not in graph.constants:
        yield f"{node.op_type} ({node.output[0]}) over axes that are no constant"


def _check_layer_norm(node: NodeProto, graph: Graph) -> Iterator[str]:
    if len([name for name in node.output if name]) > 1:
        yield f"LayerNormalization ({node.output[0]}) with statistics as outputs"


def _check_resize(node: NodeProto, graph: Graph) -> Iterator[str]:
    mode = attribute(node, "mode", b"nearest")
    if mode not in (b"nearest", b"linear"):
        yield f"Resize {mode.decode()} ({node.output[0]}): nearest or linear only"
    if attribute(node, "antialias", 0):
        yield f"Resize ({node.output[0]}) with antialiasing"


def _check_softmax(node: NodeProto, graph: Graph) -> Iterator[str]:
    """What exporters put behind a masked softmax keeps attention in pieces."""
    if any(reader.op_type == "IsNaN" for reader in graph.readers.get(node.output[0], ())):
        yield f"IsNaN behind a Softmax ({node.output[0]}): attention is not fused; export again"


def _check_pool(node: NodeProto, graph: Graph) -> Iterator[str]:
    if any(size != 1 for size in attribute(node, "dilations", ())):
        yield f"{node.op_type} ({node.output[0]}) with dilations"


def _no_rule(node: NodeProto, graph: Graph) -> Iterator[str]:
    return iter(())


RULES: Mapping[str, Callable[[NodeProto, Graph], Iterator[str]]] = (
    {
        "AveragePool": _check_pool,
        "Cast": _check_cast,
        "DequantizeLinear": check_linear,
        "LayerNormalization": _check_layer_norm,
        "LpPool": _check_pool,
        "MaxPool": _check_pool,
        "QuantizeLinear": check_linear,
        "Resize": _check_resize,
        "Softmax": _check_softmax,
        "Squeeze": _check_axes_input,
        "TopK": _check_topk,
        "Unsqueeze": _check_axes_input,
    }
    | {name: check_product for name in PRODUCTS}
    | {name: _check_axes_input for name in OPERATORS if name.startswith("Reduce")}
)
"""Operator -> what is checked beside its types."""


def _names(operator: str) -> str:
    return ", ".join(sorted(map(type_name, OPERATORS[operator])))
