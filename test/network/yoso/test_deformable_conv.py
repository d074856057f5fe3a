# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The deformable convolution against another way to compute it, and against a plain one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from backends import needs
from onnx import TensorProto, helper
from torch import Tensor
from torch.nn import functional

from psg_ros.network.segmenters.yoso.deformable_conv import DeformableConv, deformed

TOLERANCE = 1e-5
"""Of the greatest value."""


def inputs(size_hw: tuple[int, int], reach: float = 2.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, offsets that also leave the map, weights and a kernel."""
    torch.manual_seed(0)
    features = torch.randn(2, 5, *size_hw)
    offsets = reach * torch.randn(2, 18, *size_hw)
    return features, offsets, torch.rand(2, 9, *size_hw), torch.randn(4, 5, 3, 3)


def gathered(features: Tensor, offsets: Tensor, weights: Tensor, kernel: Tensor) -> Tensor:
    """The same, written as its definition: four corners of every tap, those outside are 0."""
    batch, _, height, width = features.shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    total = torch.zeros(batch, len(kernel), height, width)
    images = torch.arange(batch)[:, None, None]
    for tap in range(9):
        y = rows + tap // 3 - 1 + offsets[:, 2 * tap]
        x = columns + tap % 3 - 1 + offsets[:, 2 * tap + 1]
        value = torch.zeros(batch, height, width, features.shape[1])
        for row in (y.floor(), y.floor() + 1):
            for column in (x.floor(), x.floor() + 1):
                share = (1 - (y - row).abs()) * (1 - (x - column).abs())
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                row_index = row.clamp(0, height - 1).long()
                column_index = column.clamp(0, width - 1).long()
                corner = features.permute(0, 2, 3, 1)[images, row_index, column_index]
                value = value + corner * (share * inside)[..., None]
        value = value * weights[:, tap, ..., None]
        total = total + torch.einsum("bhwc,oc->bohw", value, kernel[:, :, tap // 3, tap % 3])
    return total


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert (found - expected).abs().max() <= TOLERANCE * expected.abs().max()


@pytest.mark.parametrize("size_hw", [(6, 9), (1, 4), (1, 1)])
def test_sampled_at_once_it_is_what_its_definition_says(size_hw):
    arguments = inputs(size_hw)
    assert_close(deformed(*arguments), gathered(*arguments))


@needs("onnxruntime")
def test_it_is_deform_conv_of_onnx():
    """As ONNX Runtime has it: offsets, taps and weights are in the order of the operator."""
    import onnxruntime

    arguments = inputs((6, 9))
    names = ("features", "kernel", "offsets", "weights")
    features, offsets, weights, kernel = (one.numpy() for one in arguments)
    values = dict(zip(names, (features, kernel, offsets, weights), strict=True))
    node = helper.make_node(
        "DeformConv", ["features", "kernel", "offsets", "", "weights"], ["out"], pads=[1, 1, 1, 1]
    )
    taken = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
        for name, value in values.items()
    ]
    given = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "one", taken, given)
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    try:
        session = onnxruntime.InferenceSession(network.SerializeToString())
    except Exception as error:
        pytest.skip(f"this ONNX Runtime has no DeformConv: {type(error).__name__}")
    expected = session.run(None, values)[0]
    assert_close(deformed(*arguments), torch.from_numpy(np.asarray(expected)))


def test_without_offsets_and_with_weights_of_one_it_is_a_plain_convolution():
    features, offsets, weights, kernel = inputs((6, 9))
    found = deformed(features, torch.zeros_like(offsets), torch.ones_like(weights), kernel)
    assert_close(found, functional.conv2d(features, kernel, padding=1))


def test_a_fresh_one_is_a_plain_convolution_of_half_the_weight():
    torch.manual_seed(0)
    module, features = DeformableConv(5, 4), torch.randn(1, 5, 6, 9)
    expected = functional.conv2d(features, module.weight, padding=1) / 2
    assert_close(module(features), expected)


def test_a_torch_that_cannot_export_the_operator_is_told_apart(monkeypatch):
    monkeypatch.delattr(torch.onnx, "ops", raising=False)
    DeformableConv(5, 4)
    with pytest.raises(ImportError, match="deform_conv needs torch 2.8 or newer; or grid_sample"):
        DeformableConv(5, 4, "deform_conv")
