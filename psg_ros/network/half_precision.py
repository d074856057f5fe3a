# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An ONNX file -> one that computes in float16 what can be computed so.

Types are in the file itself, as strongly typed TensorRT wants them. Products, what is added to
them and what only moves numbers are in float16. All that sums many numbers on its own, divides or
decides stays in float32: normalisation, softmax, the mask product and what follows it, and places
in a map, which are finer than float16 is. Inputs and outputs keep their types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

_NAMES = """
    Add Concat Conv ConvTranspose DequantizeLinear Erf Expand Flatten Gather Gemm Identity MatMul
    MaxPool Mul Neg Pad QuantizeLinear Relu Reshape Slice Split Squeeze Sub Tile Transpose Unsqueeze
"""
HALF_OPERATORS = frozenset(_NAMES.split())
"""What is computed in float16, where nothing stands against it."""

PRODUCTS = ("Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul")
MASKS = "mask_logits"
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
LARGEST = float(np.finfo(np.float16).max)


def to_half(path: Path) -> None:
    """Rewrite an ONNX file.

    Raises:
        ValueError: no product in it could be computed in float16.
    """
    model = onnx.load(str(path))
    typed = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    floats = {
        value.name
        for value in (*typed.value_info, *typed.input, *typed.output)
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    floats |= {name for name, tensor in constants.items() if tensor.data_type == TensorProto.FLOAT}
    exact = behind_masks(model.graph) | before_samples(model.graph)
    converted = _Conversion(floats, constants, exact)
    nodes = [made for node in model.graph.node for made in converted.rewritten(node)]
    if not converted.num_products:
        raise ValueError(f"{path} has no product that could be computed in float16")
    nodes += converted.widened(value.name for value in model.graph.output)
    used = {name for node in nodes for name in node.input}
    weights = [t for t in (*constants.values(), *converted.narrow_constants) if t.name in used]
    graph = helper.make_graph(
        nodes, model.graph.name, model.graph.input, model.graph.output, weights
    )
    model.graph.CopyFrom(graph)
    onnx.save(model, str(path))


def to_float(model: onnx.ModelProto) -> bool:
    """Let all be computed in float32 again; return whether some of it was in float16.

    What was rounded stays so. Weights that were only stored in float16 are widened, too, see
    `psg_ros.network.half_weights`.
    """
    graph = model.graph
    typed = onnx.shape_inference.infer_shapes(model).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*typed.value_info, *typed.input)}
    kinds |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    is_half = any(kinds.get(name) == TensorProto.FLOAT16 for n in graph.node for name in n.output)
    outputs, names = {value.name for value in graph.output}, dict[str, str]()
    for node in [n for n in graph.node if n.op_type == "Cast" and kinds.get(n.input[0]) in _FLOATS]:
        before, after = _last_name(names, node.input[0]), node.output[0]
        if _target(node) in _FLOATS and before not in outputs:
            names |= {before: after} if after in outputs else {after: before}
            graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [_last_name(names, name) for name in node.input]
        node.output[:] = [_last_name(names, name) for name in node.output]
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            wide = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    del graph.value_info[:]
    return is_half


def _target(cast: NodeProto) -> int:
    return next(a.i for a in cast.attribute if a.name == "to")


def _last_name(names: Mapping[str, str], name: str) -> str:
    while name in names:
        name = names[name]
    return name


def behind_masks(graph: onnx.GraphProto) -> set[str]:
    """Return names of tensors that must be exact: the mask product and what is made of it."""
    maker = {name: node for node in graph.node for name in node.output}
    name = MASKS
    while name in maker and maker[name].op_type not in PRODUCTS:
        name = maker[name].input[0]
    exact = set(maker[name].output) if name in maker else set()
    for node in graph.node:  # in the order of computing
        if exact & set(node.input):
            exact |= set(node.output)
    return exact


def before_samples(graph: onnx.GraphProto) -> set[str]:
    """Return names of tensors from which the places of samples are made, back to a product."""
    maker = {name: node for node in graph.node for name in node.output}
    waiting = [node.input[1] for node in graph.node if node.op_type == "GridSample"]
    exact: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in exact or name not in maker or maker[name].op_type in PRODUCTS:
            continue
        exact.add(name)
        waiting += maker[name].input
    return exact


class _Conversion:
    """Rewrites nodes one by one; a cast stands where float16 and float32 meet."""

    def __init__(
        self, floats: set[str], constants: dict[str, TensorProto], exact: set[str]
    ) -> None:
        self.num_products = 0
        self.narrow_constants: list[TensorProto] = []
        self._floats, self._constants, self._exact = floats, constants, exact
        self._narrow: dict[str, str] = {}  # tensor of the old graph -> its float16 twin
        self._wide: set[str] = set()  # those that are there in float32, too

    def rewritten(self, node: NodeProto) -> list[NodeProto]:
        """Return a node with the casts that it needs before it."""
        if node.op_type == "Cast" and self._is_stored_half(node.input[0]):
            self._narrow[node.output[0]] = node.input[0]
            return []  # see `psg_ros.network.half_weights`
        if not self._is_half(node):
            return [*self.widened(node.input), node]
        casts: list[NodeProto] = []
        given = [self._narrowed(n, casts) if n in self._floats else n for n in node.input]
        made = [f"{name}.fp16" if name in self._floats else name for name in node.output]
        for old, new in zip(node.output, made, strict=True):
            if old != new:
                self._narrow[old] = new
        half = NodeProto()
        half.CopyFrom(node)
        del half.input[:], half.output[:]
        half.input.extend(given)
        half.output.extend(made)
        self.num_products += node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")
        return [*casts, half]

    def widened(self, names: Iterable[str]) -> list[NodeProto]:
        """Return casts that make float32 of tensors that are there in float16 only."""
        casts = []
        for name in names:
            if name in self._narrow and name not in self._wide:
                self._wide.add(name)
                narrow = self._narrow[name]
                casts.append(helper.make_node("Cast", [narrow], [name], to=TensorProto.FLOAT))
        return casts

    def _is_half(self, node: NodeProto) -> bool:
        if node.op_type not in HALF_OPERATORS or self._exact & {*node.input, *node.output}:
            return False
        data = [name for name in (*node.input, *node.output) if name in self._floats]
        return bool(data) and all(self._fits(name) for name in data)

    def _is_stored_half(self, name: str) -> bool:
        tensor = self._constants.get(name)
        return tensor is not None and tensor.data_type == TensorProto.FLOAT16

    def _fits(self, name: str) -> bool:
        if (tensor := self._constants.get(name)) is None:
            return True
        values = numpy_helper.to_array(tensor)
        return not values.size or float(np.abs(values).max()) <= LARGEST

    def _narrowed(self, name: str, casts: list[NodeProto]) -> str:
        """Return the float16 twin of a tensor; a cast to it is added where it has none."""
        if name not in self._narrow:
            self._narrow[name] = f"{name}.fp16"
            self._wide.add(name)
            if (tensor := self._constants.get(name)) is not None:
                values = numpy_helper.to_array(tensor).astype(np.float16)
                self.narrow_constants.append(numpy_helper.from_array(values, self._narrow[name]))
            else:
                kind = TensorProto.FLOAT16
                casts.append(helper.make_node("Cast", [name], [self._narrow[name]], to=kind))
        return self._narrow[name]
