# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What TensorRT would refuse in 8-bit products, or compute slowly, is named."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from psg_ros.network.fp8 import as_tensor
from psg_ros.network.tensorrt_check import check_network

FLOAT, HALF = np.float32, np.float16
WEIGHT = np.arange(-8, 8, dtype=np.int8).reshape(4, 4)
KINDS = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}


class Network:
    """One product, x [4, 4] times a weight, with Q and DQ nodes that a test spoils."""

    def __init__(self, kind=FLOAT) -> None:
        self.kind = kind
        self.constants = {
            "scale": kind(0.1), "zero": np.int8(0), "weight": WEIGHT,
            "scales": np.full(4, 0.1, kind), "zeros": np.zeros(4, np.int8),
        }  # fmt: skip
        self.nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["small"]),
            helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["data"]),
            helper.make_node("DequantizeLinear", ["weight", "scales", "zeros"], ["w"], axis=1),
            helper.make_node("MatMul", ["data", "w"], ["y"]),
        ]

    def refusals(self) -> list[str]:
        ends = [helper.make_tensor_value_info(n, KINDS[self.kind], [4, 4]) for n in ("x", "y")]
        constants = [
            value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)
            for name, value in self.constants.items()
        ]
        graph = helper.make_graph(self.nodes, "small", ends[:1], ends[1:], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
        return list(check_network(onnx.shape_inference.infer_shapes(model, data_prop=True)))


@pytest.mark.parametrize("kind", [FLOAT, HALF])
def test_a_product_with_both_inputs_behind_a_dq_passes(kind):
    assert Network(kind).refusals() == []


def test_a_weight_in_float_behind_a_q_passes():
    network = Network()
    network.constants["weight"] = WEIGHT.astype(np.float32)
    network.nodes[2].input[0] = "q"
    quantize = helper.make_node("QuantizeLinear", ["weight", "scales", "zeros"], ["q"], axis=1)
    network.nodes.insert(2, quantize)
    assert network.refusals() == []


def spoilt_zero(network):
    network.constants["zero"] = np.int8(3)


def unsigned(network):
    network.constants["zero"] = np.uint8(0)


def scale_of_other_type(network):
    network.constants["scale"] = HALF(0.1)


def scale_of_zero(network):
    network.constants["scale"] = FLOAT(0)


def scales_of_an_activation(network):
    network.constants |= {"scale": np.full(4, 0.1, FLOAT), "zero": np.zeros(4, np.int8)}


def float_weight(network):
    network.constants["w"] = WEIGHT.astype(np.float32)
    del network.nodes[2]


def two_types(network):
    network.constants["weight"] = as_tensor(np.ones((4, 4)), "weight")
    network.constants["zeros"] = as_tensor(np.zeros(4), "zeros")


def wrong_axis(network):
    network.nodes[2].attribute[0].i = 0


def cast_between(network):
    network.nodes.insert(2, helper.make_node("Cast", ["data"], ["cast"], to=TensorProto.FLOAT))
    network.nodes[-1].input[0] = "cast"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoilt_zero, "QuantizeLinear (small) with a zero point that is not 0"),
        (unsigned, "QuantizeLinear (small) to UINT8: it takes INT8 and FLOAT8E4M3FN"),
        (scale_of_other_type, "QuantizeLinear (small) of FLOAT with a scale in FLOAT16: one type"),
        (scale_of_zero, "QuantizeLinear (small) with a scale that is not above 0"),
        (scales_of_an_activation, "QuantizeLinear (small) with 4 scales: activations have one"),
        (float_weight, "MatMul (y) with one input of eight bits: both or none"),
        (two_types, "MatMul (y) of FLOAT8E4M3FN and INT8: both inputs have one type"),
        (wrong_axis, "MatMul (y) with scales along axis 0 of its weights, not 1"),
        (cast_between, "MatMul (y) behind a Cast of a DequantizeLinear"),
    ],
)
def test_what_is_refused_is_named(spoil, words):
    network = Network()
    spoil(network)
    assert any(sentence.startswith(words) for sentence in network.refusals())


def test_a_transposed_convolution_has_one_scale_for_its_weights():
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["small"]),
        helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["data"]),
        helper.make_node("DequantizeLinear", ["weight", "scales", "zeros"], ["w"], axis=1),
        helper.make_node("ConvTranspose", ["data", "w"], ["y"], strides=[2, 2]),
    ]
    for count, refused in ((1, False), (4, True)):
        network = Network()
        network.nodes = nodes
        network.constants["weight"] = np.zeros((4, 4, 2, 2), np.int8)
        network.constants["scales"] = np.full(count, 0.1, FLOAT)[0 if count == 1 else slice(None)]
        network.constants["zeros"] = np.zeros_like(network.constants["scales"], np.int8)
        found = [s for s in network.refusals() if s.startswith("ConvTranspose")]
        assert found == ["ConvTranspose (y) with 4 scales of its weights: it takes one"] * refused
