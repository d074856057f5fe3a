# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An ONNX graph whose tensors are known: their types, who makes them and who reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from onnx import GraphProto, NodeProto, TensorProto, helper


@dataclass
class Graph:
    """A graph whose tensors are known.

    Attributes:
        types: tensor -> its type, a number of `TensorProto`.
        constants: tensor -> initializer.
        outputs: names of the outputs of the network.
        makers, readers: tensor -> the node that makes it, those that read it.
    """

    nodes: list[NodeProto]
    types: dict[str, int]
    constants: dict[str, TensorProto]
    outputs: set[str]
    makers: dict[str, NodeProto] = field(default_factory=dict)
    readers: dict[str, list[NodeProto]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: GraphProto) -> Graph:
        """Index a graph whose shapes have been inferred."""
        values = (*graph.value_info, *graph.input, *graph.output)
        constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].HasField("t"):
                constants[node.output[0]] = node.attribute[0].t
        types = {value.name: value.type.tensor_type.elem_type for value in values}
        types |= {name: tensor.data_type for name, tensor in constants.items()}
        known = cls(list(graph.node), types, constants, {value.name for value in graph.output})
        for node in graph.node:
            known.makers |= dict.fromkeys(node.output, node)
            for name in node.input:
                known.readers.setdefault(name, []).append(node)
        return known

    def type_of(self, name: str) -> int:
        """Return the type of a tensor; 0, "undefined", where nobody says."""
        return self.types.get(name, TensorProto.UNDEFINED)


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """Return the value of an attribute, or a default where the node has none."""
    found = [a for a in node.attribute if a.name == name]
    return helper.get_attribute_value(found[0]) if found else default


def type_name(kind: int) -> str:
    """Return the name of a type, a number of `TensorProto`, as "FLOAT16"."""
    return TensorProto.DataType.Name(kind)
