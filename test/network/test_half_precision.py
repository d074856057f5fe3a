# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files in float16 say nearly what those in float32 say, and stay safe where float16 is not."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from psg_ros.network.half_precision import to_half
from psg_ros.network.tensorrt_check import check_artifact
from psg_ros.resources import share_path
from psg_ros.robot.forms.network_input import NetworkInput
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.runtime.tensors import to_host

EXACT = {"LayerNormalization", "Softmax", "ReduceMean", "Pow", "Sqrt", "Div", "Exp", "TopK"}


@pytest.fixture(scope="module")
def demo():
    return load_model_folder(str(share_path() / "models" / "demo"))


@pytest.fixture(scope="module")
def halved(demo, tmp_path_factory):
    """The files of the demo model in float16."""
    folder = tmp_path_factory.mktemp("fp16")
    for artifact in demo.manifest.artifacts:
        target = folder / f"{artifact}.onnx"
        shutil.copyfile(demo.artifact_path(artifact), target)
        to_half(target)
    return folder


def typed(path) -> tuple[onnx.GraphProto, dict[str, int]]:
    graph = onnx.shape_inference.infer_shapes(onnx.load(str(path)), strict_mode=True).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    kinds = {value.name: value.type.tensor_type.elem_type for value in values}
    return graph, kinds | {tensor.name: tensor.data_type for tensor in graph.initializer}


@pytest.mark.parametrize("artifact", ["segmenter", "relations"])
def test_tensorrt_takes_it_and_inputs_and_outputs_are_as_before(demo, halved, artifact):
    spec, path = demo.manifest.artifact(artifact), halved / f"{artifact}.onnx"
    assert check_artifact(path, spec) == []
    onnx.checker.check_model(str(path), full_check=True)
    graph, kinds = typed(path)
    for tensor in (*spec.inputs, *spec.outputs):
        assert helper.tensor_dtype_to_np_dtype(kinds[tensor.name]) == tensor.dtype


def test_products_are_half_and_what_sums_or_decides_is_not(halved):
    graph, kinds = typed(halved / "segmenter.onnx")
    for node in graph.node:
        if node.op_type in EXACT:
            assert TensorProto.FLOAT16 not in [kinds.get(n) for n in (*node.input, *node.output)]
    products = [n for n in graph.node if n.op_type in ("Conv", "Gemm", "MatMul", "ConvTranspose")]
    wide = [node for node in products if kinds[node.output[0]] == TensorProto.FLOAT]
    assert len(products) > 30 and len(wide) == 1, "the mask product alone"


def test_fewer_than_half_a_percent_of_mask_signs_flip(demo, halved):
    onnxruntime = pytest.importorskip("onnxruntime", reason="computes both")
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(0, 256, (12, 16, 3)), np.ones((40, 40, 1))).astype(np.uint8)
    network_input = NetworkInput(demo.manifest)
    network_input.write(picture)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    answers = []
    for path in (demo.artifact_path("segmenter"), halved / "segmenter.onnx"):
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        answers.append(session.run(None, {"image": to_host(network_input.tensor)}))
    (classes, masks, tokens), found = answers
    assert ((masks >= 0) != (found[1] >= 0)).mean() < 0.005
    assert (classes.argmax(-1) == found[0].argmax(-1)).mean() > 0.99
    assert np.linalg.norm(tokens - found[2]) < 0.02 * np.linalg.norm(tokens)


def network_of(nodes, weights, path):
    shape = [2, 4]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y")]
    kept = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", ends[:1], ends[1:], kept)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), str(path))


def test_weights_that_float16_cannot_hold_are_computed_with_in_float32(tmp_path):
    weights = {"large": np.full((4, 4), 1e6, np.float32), "small": np.eye(4, dtype=np.float32)}
    nodes = [
        helper.make_node("MatMul", ["x", "large"], ["z"]),
        helper.make_node("MatMul", ["z", "small"], ["y"]),
    ]
    network_of(nodes, weights, tmp_path / "n.onnx")
    to_half(tmp_path / "n.onnx")
    _, kinds = typed(tmp_path / "n.onnx")
    assert kinds["large"] == TensorProto.FLOAT and kinds["small.fp16"] == TensorProto.FLOAT16


def test_a_file_without_products_is_refused_and_left_alone(tmp_path):
    network_of([helper.make_node("Relu", ["x"], ["y"])], {}, tmp_path / "n.onnx")
    before = (tmp_path / "n.onnx").read_bytes()
    with pytest.raises(ValueError, match="no product that could be computed in float16"):
        to_half(tmp_path / "n.onnx")
    assert (tmp_path / "n.onnx").read_bytes() == before


def test_places_of_samples_are_not_half(tmp_path):
    """Near the border of a map of 1,000 columns, float16 is a quarter of a column off."""
    size = 1000
    ramp = np.arange(size, dtype=np.float32).reshape(1, 1, 1, size).repeat(2, axis=2)
    grid = np.zeros((1, 1, size, 2), np.float32)
    grid[..., 0] = (2 * np.arange(size) + 1) / size - 1
    nodes = [
        helper.make_node("MatMul", ["moves", "weight"], ["product"]),
        helper.make_node("Add", ["product", "centres"], ["places"]),
        helper.make_node("GridSample", ["ramp", "places"], ["found"], align_corners=0),
    ]
    constants = {"weight": np.eye(2, dtype=np.float32), "centres": grid, "ramp": ramp}
    graph = helper.make_graph(
        nodes,
        "sampled",
        [helper.make_tensor_value_info("moves", TensorProto.FLOAT, grid.shape)],
        [helper.make_tensor_value_info("found", TensorProto.FLOAT, (1, 1, 1, size))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    path = tmp_path / "sampled.onnx"
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    to_half(path)
    _, kinds = typed(path)
    assert kinds["product.fp16"] == TensorProto.FLOAT16
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"moves": np.zeros_like(grid)})
    assert np.abs(found[0, 0, 0] - np.arange(size))[1:-1].max() < 0.01  # beyond it all is 0
