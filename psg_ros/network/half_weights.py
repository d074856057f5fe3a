# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX files of half the size: weights in float16, widened to float32 when the file is loaded.

The network stays one of float32: inputs, outputs and all that is computed. Backends fold the
widening, so that it costs nothing per image.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ENDING = ".half"
TABLE = "table."
"""How names of constants begin that are computed, not learned; they keep their precision."""
SMALLEST = 256
"""Numbers in a tensor from which on it is worth a node of its own."""
LARGEST = float(np.finfo(np.float16).max)


def is_halved(model: onnx.ModelProto) -> bool:
    """Return whether some weights are stored in float16 and widened to float32."""
    narrow = {t.name for t in model.graph.initializer if t.data_type == TensorProto.FLOAT16}
    casts = [node for node in model.graph.node if node.op_type == "Cast"]
    return any(
        node.input[0] in narrow and attribute.i == TensorProto.FLOAT
        for node in casts
        for attribute in node.attribute
    )


def halve(path: Path, keep: Collection[str] = ()) -> None:
    """Rewrite an ONNX file; tensors that are small, or too large in value, stay as they are.

    Args:
        keep: names of others that stay.
    """
    model = onnx.load(str(path))
    graph = model.graph
    nodes, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        is_constant = tensor.name.startswith(TABLE) or tensor.name in keep
        fits = values.dtype == np.float32 and not is_constant and values.size >= SMALLEST
        if not fits or np.abs(values).max() > LARGEST:
            kept.append(tensor)
            continue
        narrow = f"{tensor.name}{ENDING}"
        kept.append(numpy_helper.from_array(values.astype(np.float16), narrow))
        nodes.append(helper.make_node("Cast", [narrow], [tensor.name], to=TensorProto.FLOAT))
    rewritten = helper.make_graph(
        [*nodes, *graph.node],
        graph.name,
        graph.input,
        graph.output,
        kept,
        value_info=graph.value_info,
    )
    model.graph.CopyFrom(rewritten)
    onnx.save(model, str(path))
