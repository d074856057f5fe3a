# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An ONNX file -> one whose products with weights are computed in int8, by NNCF.

Scales are written into the file as QuantizeLinear and DequantizeLinear, which OpenVINO and ONNX
Runtime understand. Ranges of activations need not be symmetric, so that there are zero points, of
which TensorRT takes none. Products of two activations (attention, the mask product) and
all that is not a product stay as they are: there int8 costs accuracy and gains little.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
CURE = "pip install nncf (extra 'quantize')"


def int8_name(file: str) -> str:
    """Return the name of the int8 twin of an artifact's file."""
    return str(Path(file).with_suffix(".int8.onnx"))


def quantize_file(
    source: Path, target: Path, inputs: Iterable[Mapping[str, np.ndarray]], num_inputs: int
) -> None:
    """Write the int8 twin of an ONNX file.

    Args:
        inputs: what the network is to see while ranges are measured, one mapping a run; can be
            gone through again and again.
        num_inputs: how many there are.

    Raises:
        ImportError: NNCF is not installed; names the extra.
        ValueError: a network without a product that could be quantized.
    """
    try:
        import nncf
    except ImportError as error:
        raise ImportError(f"quantizing needs NNCF ({error}): {CURE}") from error
    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = onnx.load(str(source))
    _fold_casts(model)
    weighted, others = _products(model)
    if not weighted:
        raise ValueError(f"{source} has no product with weights: nothing to quantize")
    quantized = nncf.quantize(
        model,
        nncf.Dataset(inputs),
        subset_size=num_inputs,
        model_type=nncf.ModelType.TRANSFORMER,
        target_device=nncf.TargetDevice.CPU,
        ignored_scope=nncf.IgnoredScope(names=others, validate=False),
    )
    _store_weights_small(quantized)
    onnx.save(quantized, str(target))


def _products(model: onnx.ModelProto) -> tuple[list[str], list[str]]:
    """Return the names of the products with weights, and of those of two activations."""
    weights = {tensor.name for tensor in model.graph.initializer}
    named: tuple[list[str], list[str]] = [], []
    for node in model.graph.node:
        if node.op_type in PRODUCTS:
            named[not weights & set(node.input)].append(node.name)
    return named


def _fold_casts(model: onnx.ModelProto) -> None:
    """Widen weights that are stored in float16, see `psg_ros.network.half_weights`."""
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "Cast" and n.input[0] in stored]:
        tensor = stored[node.input[0]]
        values = numpy_helper.to_array(tensor).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        graph.initializer.remove(tensor)
        graph.node.remove(node)


def _store_weights_small(model: onnx.ModelProto) -> None:
    """Store quantized weights as int8: QuantizeLinear of a constant is done here and now."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "QuantizeLinear"]:
        if node.input[0] not in constants:
            continue
        values, scale, zero = (numpy_helper.to_array(constants[name]) for name in node.input[:3])
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        if scale.ndim:
            spread = [1] * values.ndim
            spread[axis] = -1
            scale, zero = scale.reshape(spread), zero.reshape(spread)
        limits = np.iinfo(zero.dtype)
        steps = np.rint(values / scale) + zero
        small = np.clip(steps, limits.min, limits.max).astype(zero.dtype)
        graph.initializer.append(numpy_helper.from_array(small, node.output[0]))
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for tensor in [t for t in graph.initializer if t.name not in used]:
        graph.initializer.remove(tensor)
