# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every variant exports: it says what torch says on each CPU backend, in plain operators only.

The variants of a stage are many; the tables hold every pair of choices at least once.
"""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from backends import INSTALLED
from mask2former_checkpoints import MASK2FORMER, PRO_SCALE, small_segmenter
from onnx import numpy_helper
from yoso_checkpoints import YOSO

from psg_ros.network import export
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.half_weights import TABLE, halve
from psg_ros.network.layers import axial_rope
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.tensorrt_check import check_network

# Operators that TensorRT, OpenVINO and ONNX Runtime all run without data-dependent shapes.
ALLOWED = {
    "Add", "Cast", "Concat", "Constant", "Conv", "ConvTranspose", "Div", "Erf", "Expand",
    "Gather", "Gemm", "LayerNormalization", "MatMul", "Max", "Mul", "Neg", "Relu", "Reshape",
    "Shape", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Transpose",
    "Unsqueeze",
}  # fmt: skip
# What token merging adds; all of fixed sizes.
MERGING = {
    "And", "ArgMax", "Equal", "GatherElements", "Less", "ReduceL2", "ReduceMax", "ReduceSum",
    "TopK", "Where",
}  # fmt: skip
# What YOSO adds: pooling under masks, and deformable convolutions in either form.
YOSOS = {
    "AveragePool", "BatchNormalization", "DeformConv", "Greater", "GridSample", "MaxPool", "Pad",
    "Resize",
}  # fmt: skip
# What Mask2Former adds; what depends on the size alone, as sines, is in the graph as numbers.
MASKED = {
    "AveragePool", "GreaterOrEqual", "GridSample", "InstanceNormalization", "IsNaN", "MaxPool",
    "Not", "Or", "Pad", "ReduceMax", "ReduceSum", "Resize", "Where",
}  # fmt: skip
# What the mask of pruned cells adds.
PRUNING = {"Greater", "Pad", "Where"}
TOLERANCE = 1e-4

POSITIONS, STEMS, NORMS, RATIOS = (
    ("rope", "learned"), ("linear", "convolution"), ("layernorm", "none"), (0.0, 0.4, 0.6),
)  # fmt: skip
SEGMENTERS = [
    ("rope", "linear", "layernorm", 0.0),
    ("learned", "convolution", "none", 0.0),
    ("rope", "convolution", "layernorm", 0.4),
    ("learned", "linear", "none", 0.4),
    ("rope", "linear", "none", 0.6),
    ("learned", "convolution", "layernorm", 0.6),
]
"""Family (rotary: DINOv3, learned: DINOv2), stem, norm of the taps, merge ratio."""
CODES, SPLITS = ("every_block", "first", "none"), ("gate", "two_linear", "none")
RELATIONS = [
    (code, split, (row + column) % 2 == 1)
    for row, code in enumerate(CODES)
    for column, split in enumerate(SPLITS)
]
"""Position code of the neck, split of the head, prune."""


def small_model(segmenter=SEGMENTERS[0], relations=RELATIONS[0]) -> DsFlash:
    """Return random weights; the mask grid is 24 x 36, the relation grid 3 x 4 cells of 2."""
    torch.manual_seed(0)
    position, stem, tap_norm, ratio = segmenter
    code, split, prune = relations
    segments = EomtConfig(
        input_hw=(96, 144), dim=16, depth=2, num_heads=2, num_queries=6, num_query_blocks=1,
        taps=(0, 1), position=position, key_bias=position == "learned", stem=stem,
        merge_ratio=ratio,
    )  # fmt: skip
    pairs = RelationConfig(
        dim=24, depth=2, num_heads=2, head_hidden=16, cell_patches=2, tap_norm=tap_norm,
        position=code, split=split, prune=prune,
    )  # fmt: skip
    config = ModelConfig("small", segmenter=segments, relations=pairs)
    return build_dsflash(config, num_labels=5, num_predicates=4).eval()


def run_onnxruntime(path: Path, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def run_openvino(path: Path, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    return [compiled(inputs)[output] for output in compiled.outputs]


RUN = {"onnxruntime": run_onnxruntime, "openvino": run_openvino}


def assert_plain(path: Path, allowed: set[str], opset: int = 18) -> None:
    """Check opset and operators, and that no size depends on data."""
    model = onnx.load(str(path))
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == opset
    used = {node.op_type for node in model.graph.node}
    assert used <= allowed, f"new operators: {sorted(used - allowed)}"
    assert "LayerNormalization" in used, "LayerNorm must stay whole: its parts overflow fp16"
    fixed = {tensor.name for tensor in model.graph.initializer}
    fixed |= {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    tops = [node for node in model.graph.node if node.op_type == "TopK"]
    assert all(node.input[1] in fixed for node in tops), "k of TopK must be a constant"


def free_axes(path: Path) -> set[str]:
    graph = onnx.load(str(path)).graph
    tensors = (*graph.input, *graph.output)
    return {d.dim_param for t in tensors for d in t.type.tensor_type.shape.dim if d.dim_param}


def assert_agrees(path: Path, inputs: dict[str, np.ndarray], expected, without=()) -> None:
    for name in set(INSTALLED) - set(without):
        for value, truth in zip(RUN[name](path, inputs), expected, strict=True):
            np.testing.assert_allclose(value, truth.numpy(), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("table", "choices"),
    [(SEGMENTERS, (POSITIONS, STEMS, NORMS, RATIOS)), (RELATIONS, (CODES, SPLITS, (False, True)))],
)
def test_the_tables_hold_every_pair_of_choices(table, choices):
    for first, second in itertools.combinations(range(len(choices)), 2):
        held = {(row[first], row[second]) for row in table}
        assert held == set(itertools.product(choices[first], choices[second]))


@pytest.mark.filterwarnings("ignore")  # the exporter's own
@pytest.mark.parametrize("variant", SEGMENTERS, ids=str)
def test_every_segmenter_agrees_with_torch_on_each_backend(variant, tmp_path):
    path, model, ratio = tmp_path / "segmenter.onnx", small_model(variant), variant[-1]
    image = torch.randint(0, 256, (1, 96, 144, 3), dtype=torch.uint8)
    export.export_segmenter(model, str(path))
    assert_plain(path, ALLOWED | MERGING if ratio else ALLOWED)
    assert refusals(path) == []
    assert str(Path(export.__file__).parent).encode() not in path.read_bytes(), "no folder names"
    assert not free_axes(path), "one image at a time"
    whole = small_model((*variant[:-1], 0.0))
    with torch.no_grad():
        expected, unmerged = (export.SegmenterGraph(net)(image) for net in (model, whole))
    shows = not torch.allclose(expected[1], unmerged[1], atol=10 * TOLERANCE)
    assert shows == bool(ratio), "merging must show"
    assert_agrees(path, {"image": image.numpy()}, expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("config", [MASK2FORMER, PRO_SCALE], ids=lambda config: config.type)
def test_every_mask2former_agrees_with_torch_on_each_backend(config, tmp_path):
    pairs = RelationConfig(dim=24, depth=2, num_heads=2, head_hidden=16, cell_patches=2)
    segmenter = small_segmenter(config)
    model = DsFlash(ModelConfig("small", segmenter=config, relations=pairs), segmenter, 4).eval()
    path = tmp_path / "segmenter.onnx"
    export.export_segmenter(model, str(path))
    assert_plain(path, (ALLOWED | MASKED) - {"Sin", "Cos"})
    assert not free_axes(path)
    image = torch.randint(0, 256, (1, *config.input_hw, 3), dtype=torch.uint8)
    with torch.no_grad():
        expected = export.SegmenterGraph(model)(image)
    assert_agrees(path, {"image": image.numpy()}, expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("variant", "adds", "lacks"),
    [
        ({}, {"GridSample", "Resize"}, ()),
        ({"aggregation": "ifa", "attention": "dca"}, {"GridSample", "Resize"}, ()),
        ({"deformable": "deform_conv", "attention": "mhca"}, {"DeformConv"}, ("openvino",)),
        ({"attention": "ddca", "decoder_stages": 1}, {"GridSample"}, ()),
        ({"attention": "pdca", "class_layers": 0, "mask_layers": 2}, {"GridSample"}, ()),
    ],
)
def test_every_yoso_agrees_with_torch_on_each_backend(variant, adds, lacks, tmp_path):
    config = dataclasses.replace(YOSO, **variant)
    pairs = RelationConfig(dim=24, depth=2, num_heads=2, head_hidden=16, cell_patches=2)
    segmenter, path = small_segmenter(config), tmp_path / "segmenter.onnx"
    model = DsFlash(ModelConfig("small", segmenter=config, relations=pairs), segmenter, 4).eval()
    export.export_segmenter(model, str(path))
    assert_plain(path, ALLOWED | YOSOS, opset=19 if lacks else 18)
    assert adds <= {node.op_type for node in onnx.load(str(path)).graph.node}
    assert refusals(path) == []
    assert not free_axes(path)
    image = torch.randint(0, 256, (1, *config.input_hw, 3), dtype=torch.uint8)
    with torch.no_grad():
        expected = export.SegmenterGraph(model)(image)
    assert_agrees(path, {"image": image.numpy()}, expected, without=lacks)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("variant", RELATIONS, ids=str)
def test_every_relation_stage_agrees_with_torch_for_any_number_of_pairs(variant, tmp_path):
    path, model, prunes = tmp_path / "relations.onnx", small_model(relations=variant), variant[-1]
    export.export_relations(model, str(path))
    assert_plain(path, ALLOWED | PRUNING if prunes else ALLOWED)
    assert refusals(path) == []
    assert len(free_axes(path)) == (2 if prunes else 1)
    graph = export.PrunedRelationGraph(model.relations) if prunes else model.relations
    for pairs in (1, 2, 33):
        inputs = relation_inputs(pairs, prunes)
        with torch.no_grad():
            expected = graph(*inputs.values())
        assert not torch.allclose(*expected, atol=10 * TOLERANCE), "directions must differ"
        assert_agrees(path, {name: value.numpy() for name, value in inputs.items()}, expected)


def test_tables_of_any_size_are_constants_of_full_precision(tmp_path):
    path, torch_model = tmp_path / "segments.onnx", large_model()
    export.export_segments(torch_model, str(path))
    halve(path)
    graph = onnx.load(path).graph
    assert not {node.op_type for node in graph.node} & {"Cos", "Sin", "Tile"}
    tables = {t.name: t for t in graph.initializer if t.name.startswith(TABLE)}
    assert {t.data_type for t in tables.values()} == {onnx.TensorProto.FLOAT}
    assert sorted(tuple(t.dims) for t in tables.values()) == [(1200, 8)] * 2
    cosine, sine = axial_rope((30, 40), 8)
    stored = sorted((numpy_helper.to_array(t) for t in tables.values()), key=lambda t: t.sum())
    wanted = sorted((cosine.numpy(), sine.numpy()), key=lambda t: t.sum())
    np.testing.assert_allclose(stored, wanted, atol=1e-6)
    assert refusals(path) == []


def large_model() -> DsFlash:
    """Return a network whose rotary tables no exporter folds by itself."""
    segments = EomtConfig(
        input_hw=(480, 640), dim=16, depth=1, num_heads=2, num_queries=4, num_query_blocks=1,
        taps=(0,), position="rope", key_bias=False,
    )  # fmt: skip
    pairs = RelationConfig(dim=24, depth=1, num_heads=2, head_hidden=16)
    config = ModelConfig("large", segmenter=segments, relations=pairs)
    return build_dsflash(config, num_labels=5, num_predicates=4).eval()


def refusals(path: Path) -> list[str]:
    """Return what TensorRT's parser would refuse."""
    return list(check_network(onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)))


def relation_inputs(pairs: int, prunes: bool) -> dict[str, torch.Tensor]:
    """Return random inputs over the 12 cells, or over 5 chosen ones of each pair."""
    inputs = {"patch_tokens": torch.randn(1, 12, 24)}
    if prunes:
        inputs["cells"] = torch.stack([torch.randperm(12)[:5] for _ in range(pairs)]).int()
    for name in ("subject_overlap", "object_overlap"):
        shares = torch.rand(pairs, 5 if prunes else 12)
        inputs[name] = torch.where(shares < 0.5, 0, shares)
    inputs["boxes"] = torch.rand(pairs, 8) * 2 - 1
    return inputs
