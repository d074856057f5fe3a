# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An ONNX file -> its twin, whose products with weights are computed in int8 or in fp8.

ONNX Runtime's quantizer writes scales and weights into the file, as QuantizeLinear and
DequantizeLinear with zero points of 0: OpenVINO, ONNX Runtime and TensorRT all take that. Products
of two activations (attention, the mask product) and all that is no product stay as they are: there
eight bits cost accuracy and gain little. So do convolutions, through which the picture comes in: of
the error of the demo model half was theirs, and a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, version_converter

from psg_ros.backend_table import FP8, INT8
from psg_ros.network.fp8 import OPSET, to_fp8
from psg_ros.network.half_precision import to_float, to_half
from psg_ros.network.ranges import Inputs, measure_ranges

CURE = "pip install onnxruntime (extra 'quantize')"
OPERATORS = {INT8: ("ConvTranspose", "Gemm", "MatMul"), FP8: ("Gemm", "MatMul")}
"""What is quantized, where one side is a weight. TensorRT has no transposed convolution in fp8."""

BEYOND = {INT8: 1e-5, FP8: 0.0}
"""Share of numbers that may lie beyond a range. Few do in int8, so that its steps are finer; those
of fp8 are finer near 0 anyway."""

MISREAD_ROWS = range(2, 9)
"""OpenVINO 2026.4 reads the result of a product of 4, 6 or 8 rows as other numbers than it wrote:
of a matrix, without a bias, where a second product in int8 follows. Such small ones stay as they
are."""

LEAST_HALF = np.float32(np.finfo(np.float16).smallest_subnormal)

OPTIONS = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "QuantizeBias": False,  # TensorRT takes no int32 there
    "OpTypesToExcludeOutputQuantization": OPERATORS[INT8],
    "QDQOpTypePerChannelSupportToAxis": {"MatMul": 1},
}
"""Of ONNX Runtime's quantizer."""


def twin_name(file: str, kind: str) -> str:
    """Return the name of the twin of an artifact's file."""
    return str(Path(file).with_suffix(f".{kind}.onnx"))


def quantize_file(source: Path, target: Path, kind: str, inputs: Inputs) -> None:
    """Write the twin of an ONNX file. What is not quantized computes in the types of that file.

    Args:
        kind: "int8" or "fp8".
        inputs: what the network is to see while ranges are measured.

    Raises:
        ImportError: ONNX Runtime is not installed; names the extra.
        ValueError: a network without a product that could be quantized, or no inputs.
    """
    try:
        from onnxruntime import quantization
    except ImportError as error:
        raise ImportError(f"quantizing needs ONNX Runtime ({error}): {CURE}") from error
    model = onnx.load(str(source))
    is_half = to_float(model)
    operators = OPERATORS[kind]
    if not (products := list(_products(model, operators))):
        raise ValueError(f"{source} has no product with weights: nothing to quantize")
    data = {node.input[0] for node in products}
    ranges = measure_ranges(model, data, inputs, BEYOND[kind])
    quantizer = quantization.QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=quantization.QuantType.QInt8,
        activation_qType=quantization.QuantType.QInt8,
        tensors_range=quantization.TensorsData(
            quantization.CalibrationMethod.MinMax, {name: (-r, r) for name, r in ranges.items()}
        ),
        nodes_to_quantize=[node.name for node in products],
        nodes_to_exclude=[],
        op_types_to_quantize=list(operators),
        # Weights of fp8 are made of those in float.
        extra_options=OPTIONS | {"AddQDQPairToWeight": kind == FP8} | _one_scale(model.graph),
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    made = quantizer.model.model
    opset = next(entry.version for entry in made.opset_import if not entry.domain)
    if opset < OPSET and (kind == FP8 or is_half):
        made = version_converter.convert_version(made, OPSET)
    if kind == FP8:
        to_fp8(made)
    if is_half:
        _keep_scales_above_zero(made.graph)
    onnx.save(made, str(target))
    if is_half:
        to_half(target)


def _products(model: onnx.ModelProto, operators: Iterable[str]) -> Iterator[onnx.NodeProto]:
    """Yield the products with weights that are to be quantized."""
    weights = {tensor.name for tensor in model.graph.initializer}
    misread = set(_outputs_of_few_rows(model))
    for node in model.graph.node:
        if node.op_type in operators and node.input[1] in weights and node.output[0] not in misread:
            yield node


def _outputs_of_few_rows(model: onnx.ModelProto) -> Iterator[str]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    for tensor in (*graph.value_info, *graph.output):
        dims = tensor.type.tensor_type.shape.dim
        if len(dims) == 2 and dims[0].dim_value in MISREAD_ROWS:
            yield tensor.name


def _keep_scales_above_zero(graph: onnx.GraphProto) -> None:
    """Raise the scales of weights next to zero to the least number of float16; 0 is no scale."""
    linear = [n for n in graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    scales = {node.input[1] for node in linear}
    for tensor in graph.initializer:
        if tensor.name in scales:
            raised = np.maximum(numpy_helper.to_array(tensor), LEAST_HALF)
            tensor.CopyFrom(numpy_helper.from_array(raised, tensor.name))


def _one_scale(graph: onnx.GraphProto) -> dict[str, Any]:
    """Let weights have one scale where TensorRT takes no scale for each output channel."""
    nodes = [node for node in graph.node if node.op_type == "ConvTranspose"]
    return {"TensorQuantOverrides": {node.input[1]: [{"symmetric": True}] for node in nodes}}
