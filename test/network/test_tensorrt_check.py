# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What TensorRT's parser does not take is named, each by a sentence of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from psg_ros.network.tensorrt_check import check_artifact, check_network
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec, find_model, load_model_folder

FLOAT, UINT8, INT32, BOOL = (
    TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT32, TensorProto.BOOL,
)  # fmt: skip


def network(nodes, given, wanted, constants=(), domain="") -> onnx.ModelProto:
    """Return a network; tensors are (name, type, shape), constants (name, array)."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info(*tensor) for tensor in given],
        [helper.make_tensor_value_info(*tensor) for tensor in wanted],
        [numpy_helper.from_array(array, name) for name, array in constants],
    )
    opsets = [helper.make_opsetid("", 18)] + [helper.make_opsetid(domain, 1)] * bool(domain)
    return helper.make_model(graph, opset_imports=opsets)


def refusals(model: onnx.ModelProto) -> list[str]:
    return list(check_network(onnx.shape_inference.infer_shapes(model, data_prop=True)))


def one(operator, kind=FLOAT, after=None, constants=(), **attributes) -> list[str]:
    """Return the refusals of a single operator on [4, 4]."""
    inputs = ["x", *(name for name, _ in constants)]
    node = helper.make_node(operator, inputs, ["y"], **attributes)
    model = network([node], [("x", kind, [4, 4])], [("y", after or kind, None)], constants)
    return refusals(model)


def test_plain_operators_pass():
    assert one("Softmax") == [] and one("Add", INT32, constants=[("b", np.int32([1]))]) == []
    assert one("Cast", UINT8, FLOAT, to=FLOAT) == []
    assert one("Cast", FLOAT, UINT8, to=UINT8) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (lambda: one("Transpose", UINT8), "Transpose of UINT8 (x): it takes "),
        (lambda: one("Cast", UINT8, INT32, to=INT32), "Cast of UINT8 to INT32 (x)"),
        (lambda: one("Cast", INT32, UINT8, to=UINT8), "Cast of INT32 to UINT8 (y)"),
        (lambda: one("Softmax", TensorProto.DOUBLE), "Softmax of DOUBLE (x)"),
        (lambda: one("Sigmoid", TensorProto.DOUBLE), "Sigmoid of DOUBLE (x)"),
        (lambda: one("Det"), "operator Det is not in its table"),
        (lambda: one("NonZero", after=TensorProto.INT64), "operator NonZero is not in its table"),
        (
            lambda: one(
                "Pad", BOOL, constants=[("p", np.int64([0, 1, 0, 0])), ("v", np.array(True))]
            ),
            "Pad of BOOL (x)",
        ),
        (lambda: one("BitShift", UINT8, constants=[("b", np.uint8([1]))], direction="LEFT"),
         "operator BitShift is not in its table"),
        (
            lambda: one("Resize", constants=[("r", np.float32([])), ("s", np.float32([2, 2]))],
                        mode="cubic"),
            "Resize cubic (y): nearest or linear only",
        ),
    ],
)  # fmt: skip
def test_a_single_operator_is_refused_by_name(found, words):
    (sentence,) = found()
    assert sentence.startswith(words)


def test_bytes_inside_of_the_network_are_refused():
    nodes = [
        helper.make_node("Cast", ["x"], ["b"], to=UINT8),
        helper.make_node("Cast", ["b"], ["y"], to=FLOAT),
    ]
    (sentence,) = refusals(network(nodes, [("x", FLOAT, [4])], [("y", FLOAT, [4])]))
    assert sentence == "UINT8 inside of the network (b): for inputs and outputs only"


@pytest.mark.parametrize(("k", "refused"), [(3840, False), (3841, True), (4800, True)])
def test_the_limit_of_topk_is_named_with_a_cure(k, refused):
    """4,800 patches is what token merging sorts at 960 x 1280 px."""
    node = helper.make_node("TopK", ["x", "k"], ["values", "places"])
    outputs = [("values", FLOAT, [k]), ("places", TensorProto.INT64, [k])]
    found = refusals(network([node], [("x", FLOAT, [k])], outputs, [("k", np.int64([k]))]))
    expected = f"TopK of {k:,} values (values): the limit is 3,840; "
    assert [s.startswith(expected) and "--merge-ratio 0" in s for s in found] == [True] * refused


def test_topk_of_a_number_that_data_decides_is_refused():
    node = helper.make_node("TopK", ["x", "k"], ["values", "places"])
    given = [("x", FLOAT, [9]), ("k", TensorProto.INT64, [1])]
    outputs = [("values", FLOAT, None), ("places", TensorProto.INT64, None)]
    assert refusals(network([node], given, outputs)) == [
        "TopK (values) of a number that is no constant"
    ]


def test_a_guarded_softmax_is_refused():
    nodes = [
        helper.make_node("Softmax", ["x"], ["s"]),
        helper.make_node("IsNaN", ["s"], ["bad"]),
        helper.make_node("Where", ["bad", "zero", "s"], ["y"]),
    ]
    zero = [("zero", np.zeros(1, np.float32))]
    (sentence,) = refusals(network(nodes, [("x", FLOAT, [4])], [("y", FLOAT, [4])], zero))
    assert sentence.startswith("IsNaN behind a Softmax (s): attention is not fused")


def test_operators_of_others_are_refused():
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    given, wanted = [("x", FLOAT, [4])], [("y", FLOAT, [4])]
    found = refusals(network([node], given, wanted, domain="com.microsoft"))
    assert found[0] == "operators of com.microsoft: it knows those of ONNX alone"


def test_a_free_axis_needs_a_maximum(tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"])
    path = tmp_path / "small.onnx"
    onnx.save(network([node], [("x", FLOAT, ["n", 4])], [("y", FLOAT, ["n", 4])]), str(path))
    for maximum, expected in (((), 1), ((9, 4), 0)):
        spec = ArtifactSpec(path.name, "", (TensorSpec("x", "float32", (-1, 4), maximum),), ())
        assert len(check_artifact(path, spec)) == expected


def test_what_is_no_network_is_an_error(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ValueError, match="is not an ONNX file, or damaged"):
        check_artifact(path, ArtifactSpec(path.name, "", (), ()))


def test_the_int8_file_of_the_demo_model_passes():
    folder = load_model_folder(str(Path(find_model("demo"))))
    spec = folder.manifest.artifact("segmenter", twin="int8")
    assert spec.file == "segmenter.int8.onnx"
    assert check_artifact(folder.artifact_path("segmenter", twin="int8"), spec) == []


@pytest.mark.parametrize("name", ["demo", "photo"])
def test_the_shipped_models_pass(name):
    folder = load_model_folder(str(Path(find_model(name))))
    for artifact, spec in folder.manifest.artifacts.items():
        assert check_artifact(folder.artifact_path(artifact), spec) == []
