# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fused network gives the graph that two networks with the merge between them give."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from backends import EACH
from torch import nn
from torch.nn import functional

from psg_ros.config import PipelineConfig, Recommendation
from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.network import export
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.fused import FusedGraph
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.tensorrt_check import check_artifact
from psg_ros.robot.manifest import (
    FORMAT,
    ArtifactSpec,
    Manifest,
    ModelFolder,
    TensorSpec,
    load_model_folder,
)
from psg_ros.robot.pipeline import Pipeline
from psg_ros.training import release
from psg_ros.training.release import Layout, write_folder

INPUT_HW, MASK_HW = (96, 144), (24, 36)
NUM_QUERIES = 12
LABELS = {
    "things": [{"name": "dog", "color": "#ff0000"}, {"name": "cat", "color": "#00ff00"}],
    "stuff": [{"name": n, "color": "#0000ff"} for n in ("floor", "wall", "sky")],
    "predicates": [{"name": n} for n in ("on", "in", "under", "beside")],
}
IS_THING = [True, True, False, False, False]
NO_OBJECT = 5
TOLERANCE = 1e-4
SIZES = [(96, 144), (300, 200), (60, 400), (1, 7), (15, 22)]
"""Images: as the input, tall, wide, and two of fewer pixels than the mask grid has cells."""

# All of fixed sizes; what TensorRT, OpenVINO and ONNX Runtime have in common.
OPERATORS = {
    "Add", "And", "ArgMax", "AveragePool", "Cast", "Concat", "Conv", "ConvTranspose", "Div",
    "Equal", "Erf", "Expand", "Gather", "Gemm", "Greater", "GreaterOrEqual",
    "LayerNormalization", "Less", "MatMul", "Max", "Mul", "Neg", "Not", "Or", "Pad", "ReduceMax",
    "ReduceMin", "ReduceSum", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Split", "Squeeze",
    "Sub", "TopK", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip


def network(prune: bool = False, split: str = "gate") -> DsFlash:
    """Return random weights, scaled so that classes are sure and masks have both signs."""
    torch.manual_seed(3)
    segmenter = EomtConfig(
        input_hw=INPUT_HW, dim=32, depth=2, num_heads=2, num_queries=NUM_QUERIES,
        num_query_blocks=1, taps=(0, 1), stem="convolution",
    )  # fmt: skip
    relations = RelationConfig(
        dim=24, depth=2, num_heads=2, head_hidden=16, cell_patches=2, prune=prune, split=split
    )
    model = build_dsflash(
        ModelConfig("small", segmenter=segmenter, relations=relations), 5, 4
    ).eval()
    with torch.no_grad():
        model.segmenter.queries.mul_(3)
        for layer, gain in ((model.segmenter.class_head, 8), (model.segmenter.mask_head[-1], 25)):
            layer.weight.mul_(gain)
            layer.bias.zero_()
    return model


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Vocabulary:
    path = tmp_path_factory.mktemp("labels") / "labels.yaml"
    path.write_text(yaml.safe_dump(LABELS))
    return load_vocabulary(path)


class Scene(nn.Module):
    """Stands in for the segmenter: the same queries whatever the picture; real patch tokens."""

    def __init__(self, class_logits, mask_logits, segmenter: nn.Module) -> None:
        super().__init__()
        self.config, self.num_labels = segmenter.config, segmenter.num_labels
        self.answer = tuple(
            torch.as_tensor(np.asarray(logits), dtype=torch.float32)[None]
            for logits in (class_logits, mask_logits)
        )
        grid = segmenter.config.grid_hw
        self.taps = list(torch.randn(2, 1, grid[0] * grid[1], 32))

    def forward(self, pixels):
        return (*self.answer, self.taps)


class InTorch:
    """A backend that calls a module."""

    name = "torch"
    device = "cpu"
    precision = "fp32"

    def __init__(self, module: nn.Module, names) -> None:
        self.module, (self.inputs, self.outputs) = module, names

    @torch.no_grad()
    def run(self, inputs, keep=()):
        values = self.module(
            *(torch.from_numpy(np.ascontiguousarray(inputs[n])) for n in self.inputs)
        )
        return {name: v.numpy() for name, v in zip(self.outputs, values, strict=True)}

    def close(self) -> None:
        pass


def spec(**outputs) -> ArtifactSpec:
    tensors = (TensorSpec(name, "float32", shape) for name, shape in outputs.items())
    return ArtifactSpec("none.onnx", "0" * 64, (), tuple(tensors))


def both_forms(model: DsFlash, vocabulary: Vocabulary, num_slots: int, folder: Path, **config):
    """Return a pipeline of two networks and a fused one, both in torch."""
    relations = model.relations
    shared = {
        "format": FORMAT, "name": "small", "description": "", "input_hw": INPUT_HW,
        "mask_stride": 4, "grid_hw": relations.grid_hw, "cell_px": relations.cell_px,
        "score_threshold": 0.5, "overlap_threshold": 0.5, "relation_threshold": 0.0,
    }  # fmt: skip
    pair_axis = (TensorSpec("boxes", "float32", (-1, 8), (100, 8)),)
    logits = (TensorSpec("forward_logits", "float32", (-1, 5), (100, 5)),)
    relation_spec = ArtifactSpec("none.onnx", "0" * 64, pair_axis, logits)
    artifacts = {"segmenter": spec(), "relations": relation_spec}
    two = Manifest(**shared, form="two_files", artifacts=artifacts)
    pairs = num_slots * (num_slots - 1) // 2
    network = spec(segment_of=(num_slots,), forward_logits=(pairs, 5))
    one = Manifest(**shared, form="fused", artifacts={"fused": network})
    networks = (
        InTorch(export.SegmenterGraph(model), export.SEGMENTER_NAMES),
        InTorch(relations, export.RELATION_NAMES),
    )
    fused = InTorch(FusedGraph(model, IS_THING, num_slots), export.FUSED_NAMES)
    settings = PipelineConfig(**{"merge_resolution": "mask", **config})
    return (
        Pipeline(settings, ModelFolder(folder, two, vocabulary), *networks),
        Pipeline(settings, ModelFolder(folder, one, vocabulary), fused),
    )


def assert_equal(found, expected) -> None:
    """Compare two graphs: equal segments, equal pairs, nearly equal numbers."""
    np.testing.assert_array_equal(found.segmentation.label_map, expected.segmentation.label_map)
    np.testing.assert_array_equal(found.segmentation.labels, expected.segmentation.labels)
    np.testing.assert_allclose(found.segmentation.scores, expected.segmentation.scores, atol=1e-5)
    np.testing.assert_array_equal(found.relation_scores.pairs, expected.relation_scores.pairs)
    np.testing.assert_allclose(
        found.relation_scores.logits, expected.relation_scores.logits, atol=TOLERANCE
    )


def random_masks(rng: np.random.Generator) -> np.ndarray:
    """Return smooth blobs of both signs, many of them at the border: float32 [query, h, w]."""
    coarse = torch.from_numpy(rng.normal(0, 6, (1, NUM_QUERIES, 5, 7)).astype(np.float32))
    return functional.interpolate(coarse, MASK_HW, mode="bicubic")[0].numpy()


def random_classes(rng: np.random.Generator, num_sure: int) -> np.ndarray:
    """Return logits [query, 6] of which `num_sure` queries have a label scored above 0.5."""
    logits = np.zeros((NUM_QUERIES, NO_OBJECT + 1), np.float32)
    logits[:, NO_OBJECT] = rng.uniform(4, 9, NUM_QUERIES)
    sure = rng.permutation(NUM_QUERIES)[:num_sure]
    logits[sure, NO_OBJECT] = 0
    logits[sure, rng.integers(0, NO_OBJECT, num_sure)] = rng.uniform(2, 9, num_sure)
    return logits


def image_of(size_hw) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (*size_hw, 3)).astype(np.uint8)


@pytest.mark.parametrize("size_hw", SIZES, ids=str)
@pytest.mark.parametrize("num_sure", [0, 1, 2, 6, NUM_QUERIES])
def test_random_scenes_give_the_graph_of_two_networks(vocabulary, tmp_path, num_sure, size_hw):
    rng, model, numbers = np.random.default_rng(num_sure), network(), []
    segmenter = model.segmenter
    for _ in range(3):
        model.segmenter = Scene(random_classes(rng, num_sure), random_masks(rng), segmenter)
        two, one = both_forms(model, vocabulary, NUM_QUERIES, tmp_path, overlap_threshold=0.3)
        found = one(Frame(image_of(size_hw)))
        assert_equal(found, two(Frame(image_of(size_hw))))
        numbers.append(len(found.nodes))
    if size_hw == INPUT_HW:
        assert max(numbers) >= min(num_sure, 4), "a scene without segments says nothing"


@pytest.mark.parametrize(("prune", "split"), [(True, "gate"), (True, "none"), (False, "none")])
def test_other_relation_stages_give_the_graph_of_two_networks(vocabulary, tmp_path, prune, split):
    rng, model = np.random.default_rng(0), network(prune, split)
    model.segmenter = Scene(random_classes(rng, 9), random_masks(rng), model.segmenter)
    two, one = both_forms(model, vocabulary, NUM_QUERIES, tmp_path, overlap_threshold=0.2)
    found = one(Frame(image_of(INPUT_HW)))
    assert_equal(found, two(Frame(image_of(INPUT_HW))))
    assert len(found.nodes) > 3


def test_of_too_many_queries_the_best_compete(vocabulary, tmp_path):
    rng, model, num_slots = np.random.default_rng(1), network(), 5
    classes, masks = random_classes(rng, NUM_QUERIES), random_masks(rng)
    worst = np.argsort(classes.max(axis=1))[:-num_slots]
    fewer = classes.copy()
    fewer[worst] = np.eye(NO_OBJECT + 1)[NO_OBJECT] * 9
    segmenter = model.segmenter
    model.segmenter = Scene(fewer, masks, segmenter)
    two, _ = both_forms(model, vocabulary, num_slots, tmp_path, overlap_threshold=0.1)
    taps, model.segmenter = model.segmenter.taps, Scene(classes, masks, segmenter)
    model.segmenter.taps = taps
    _, one = both_forms(model, vocabulary, num_slots, tmp_path, overlap_threshold=0.1)
    found = one(Frame(image_of(INPUT_HW)))
    assert_equal(found, two(Frame(image_of(INPUT_HW))))
    assert len(found.nodes) > 2


def boxes_scene(*queries) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of queries (label, score logit, top, left, bottom, right) in mask cells."""
    classes = np.eye(NO_OBJECT + 1, dtype=np.float32)[[NO_OBJECT] * NUM_QUERIES] * 9
    masks = np.full((NUM_QUERIES, *MASK_HW), -9, np.float32)
    for query, (label, logit, top, left, bottom, right) in enumerate(queries):
        classes[query] = np.eye(NO_OBJECT + 1)[label] * logit
        masks[query, top:bottom, left:right] = 9
    return classes, masks


def test_stuff_on_both_sides_of_a_thing_is_one_segment(vocabulary, tmp_path):
    model, floor, dog = network(), 2, 0
    queries = ((floor, 7, 0, 0, 24, 12), (dog, 8, 0, 12, 24, 20), (floor, 9, 0, 20, 24, 36))
    model.segmenter = Scene(*boxes_scene(*queries), model.segmenter)
    two, one = both_forms(model, vocabulary, 4, tmp_path)
    found = one(Frame(image_of(INPUT_HW)))
    assert [node.class_name for node in found.nodes] == ["floor", "dog"]
    assert found.nodes[0].bbox_xyxy == (0, 0, 144, 96)
    assert_equal(found, two(Frame(image_of(INPUT_HW))))


def test_the_first_of_equals_wins_and_a_covered_segment_drops_out(vocabulary, tmp_path):
    model = network()
    queries = ((0, 9, 2, 2, 12, 12), (1, 9, 2, 2, 12, 12), (1, 9, 4, 4, 20, 20))
    model.segmenter = Scene(*boxes_scene(*queries), model.segmenter)
    two, one = both_forms(model, vocabulary, 3, tmp_path)
    found = one(Frame(image_of(INPUT_HW)))
    assert [node.class_name for node in found.nodes] == ["dog", "cat"]
    assert_equal(found, two(Frame(image_of(INPUT_HW))))


def test_nothing_lies_outside_of_the_image(vocabulary, tmp_path):
    """The masks cover the whole input, the image only its left third."""
    model = network()
    queries = ((0, 9, 0, 0, 12, 36), (1, 9, 12, 0, 24, 36), (1, 9, 0, 20, 24, 36))
    model.segmenter = Scene(*boxes_scene(*queries), model.segmenter)
    two, one = both_forms(model, vocabulary, 3, tmp_path)
    image = image_of((300, 150))
    found = one(Frame(image))
    assert [node.class_name for node in found.nodes] == ["dog", "cat"]
    assert_equal(found, two(Frame(image)))


@pytest.mark.parametrize("resolution", ["input", "image"])
def test_segments_of_the_grid_compete_again_at_a_higher_resolution(
    vocabulary, tmp_path, resolution
):
    rng, model = np.random.default_rng(2), network()
    model.segmenter = Scene(random_classes(rng, 8), random_masks(rng), model.segmenter)
    image = image_of((300, 400))
    options = {"overlap_threshold": 0.05, "merge_resolution": resolution}
    two, one = both_forms(model, vocabulary, NUM_QUERIES, tmp_path, **options)
    found, expected = one(Frame(image)), two(Frame(image))
    assert len(found.nodes) > 3
    # Decided on another grid, so the numbers of relations differ a little; segments here do not.
    np.testing.assert_array_equal(found.segmentation.label_map, expected.segmentation.label_map)
    np.testing.assert_array_equal(found.relation_scores.pairs, expected.relation_scores.pairs)
    np.testing.assert_allclose(
        found.relation_scores.logits, expected.relation_scores.logits, atol=0.05
    )


def test_only_the_best_scored_segments_are_related(vocabulary, tmp_path):
    rng, model = np.random.default_rng(2), network()
    model.segmenter = Scene(random_classes(rng, 8), random_masks(rng), model.segmenter)
    two, one = both_forms(
        model, vocabulary, NUM_QUERIES, tmp_path, overlap_threshold=0.05, max_segments=3
    )
    found = one(Frame(image_of(INPUT_HW)))
    assert len(found.relation_scores.pairs) == 6 and len(found.nodes) > 3
    assert_equal(found, two(Frame(image_of(INPUT_HW))))


def test_given_segments_are_refused(vocabulary, tmp_path):
    model = network()
    _, one = both_forms(model, vocabulary, 4, tmp_path)
    image = image_of(INPUT_HW)
    with pytest.raises(ValueError, match="small is a fused model.*without --fused"):
        one.predict_relations(Frame(image), one(Frame(image)).segmentation)


@pytest.mark.parametrize("num_slots", [1, NUM_QUERIES + 1])
def test_an_impossible_number_of_segments_is_refused(num_slots):
    with pytest.raises(ValueError, match=f"needs 2 to 12 segments at most, not {num_slots}"):
        FusedGraph(network(), IS_THING, num_slots)


def test_labels_of_another_number_are_refused():
    with pytest.raises(ValueError, match="knows 5 labels, not 2"):
        FusedGraph(network(), [True, False], 4)


@pytest.fixture(
    scope="module",
    params=[pytest.param(prune, marks=pytest.mark.slow) for prune in (False, True)],
    ids=["whole", "pruned"],
)
def folders(request, tmp_path_factory) -> tuple[Path, Path]:
    """Model folders of one network in two files and in one."""
    share = tmp_path_factory.mktemp("share")
    (share / "config" / "labels").mkdir(parents=True)
    (share / "config" / "labels" / "small.yaml").write_text(yaml.safe_dump(LABELS))
    model, thresholds = network(prune=request.param), Recommendation(0.5, 0.1, 0.0)
    paths = share / "two", share / "one"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "share_path", lambda: share)
        for path, layout in zip(paths, (Layout(), Layout("fused", NUM_QUERIES)), strict=True):
            path.mkdir()
            write_folder(model, "small", path, thresholds, layout)
    return paths


@pytest.mark.parametrize("backend", EACH)
def test_files_of_both_forms_give_the_same_graph(folders, backend):
    config = PipelineConfig(
        backend=backend, threads=1, precision="fp32", merge_resolution="mask", score_threshold=0.0
    )
    scenes = [(image_of(size), threshold) for size in SIZES for threshold in (0.0, 0.5, 0.9, 1.0)]
    two, one = (Pipeline.open(dataclasses.replace(config, model=str(folder))) for folder in folders)
    numbers = set()
    with two, one:
        for image, threshold in scenes:
            for pipeline in (two, one):
                new = dataclasses.replace(pipeline.config, score_threshold=threshold)
                pipeline.replace_config(new)
            found = one(Frame(image))
            assert_equal(found, two(Frame(image)))
            numbers.add(len(found.nodes))
    assert 0 in numbers and max(numbers) > 3, f"scenes of {numbers} segments say too little"


def test_the_fused_file_has_fixed_shapes_and_plain_operators(folders):
    model = load_model_folder(str(folders[1]))
    assert (model.manifest.form, list(model.manifest.artifacts)) == ("fused", ["fused"])
    tensors = (*model.manifest.artifact("fused").inputs, *model.manifest.artifact("fused").outputs)
    assert {tensor.name: (tensor.dtype, tensor.shape) for tensor in tensors} == {
        "image": ("uint8", (1, *INPUT_HW, 3)), "thresholds": ("float32", (2,)),
        "content_hw": ("int32", (2,)), "row_edges": ("float32", (25,)),
        "column_edges": ("float32", (37,)), "class_logits": ("float32", (12, 6)),
        "segment_of": ("int32", (12,)), "segment_map": ("uint8", MASK_HW),
        "mask_logits": ("float32", (12, *MASK_HW)), "forward_logits": ("float32", (66, 5)),
        "backward_logits": ("float32", (66, 5)),
    }  # fmt: skip
    network = onnx.load(str(model.artifact_path("fused")))
    used = {node.op_type for node in network.graph.node}
    assert used <= OPERATORS, f"new operators: {sorted(used - OPERATORS)}"
    assert check_artifact(model.artifact_path("fused"), model.manifest.artifact("fused")) == []
    assert "LayerNormalization" in used, "LayerNorm must stay whole: its parts overflow fp16"
    fixed = {tensor.name for tensor in network.graph.initializer}
    tops = [node for node in network.graph.node if node.op_type == "TopK"]
    assert tops and all(node.input[1] in fixed for node in tops)
