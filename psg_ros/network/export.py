# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trained network -> the ONNX files of a model folder, for each form (`psg_ros.robot.forms`).

No threshold and no data-dependent operator is in a graph. Opset 18 keeps LayerNormalization whole;
a segmenter may need a later one.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import onnx
import torch
from jaxtyping import Float, Int, UInt8
from onnxscript import optimizer
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.dsflash import DsFlash, RelationStage, swap_boxes
from psg_ros.network.fused import FUSED_NAMES, FusedGraph
from psg_ros.network.half_weights import TABLE
from psg_ros.network.mask_embedding import kept_cells
from psg_ros.network.segmenter_config import ExportNeeds
from psg_ros.network.word_scores import word_scores

OPSET = ExportNeeds().opset
LARGEST_TABLE = 1 << 30
"""Bytes and numbers up to which what no input decides is computed at export."""
SEGMENTER_NAMES = (("image",), ("class_logits", "mask_logits", "patch_tokens"))
SEGMENTS_NAMES = (("image",), ("class_logits", "mask_logits"))
RELATION_NAMES = (
    ("patch_tokens", "subject_overlap", "object_overlap", "boxes"),
    ("forward_logits", "backward_logits"),
)
PRUNED_NAMES = (("patch_tokens", "cells", *RELATION_NAMES[0][1:]), RELATION_NAMES[1])


class WordRoom(NamedTuple):
    """An input for vectors of words, and for how many: more are refused, fewer cost the same."""

    input: str
    places: int


LABELS = WordRoom("label_words", 256)
PREDICATES = WordRoom("predicate_words", 128)
"""The longest lists in use have 133 labels and 56 predicates (PSG)."""


class SegmenterGraph(nn.Module):
    """The segmenter with the once-per-image part of the relation stage; takes camera bytes."""

    def __init__(self, model: DsFlash) -> None:
        super().__init__()
        self.segmenter = model.segmenter
        self.tap_embedding = model.relations.tap_embedding

    def forward(
        self, image: UInt8[Tensor, "1 h w 3"]
    ) -> tuple[Float[Tensor, "1 q c"], Float[Tensor, "1 q h4 w4"], Float[Tensor, "1 cell dim"]]:
        class_logits, mask_logits, features = self.segmenter(to_planes(image))
        return class_logits, mask_logits, self.tap_embedding(features)


class SegmentsGraph(nn.Module):
    """The segmenter alone; takes camera bytes."""

    def __init__(self, segmenter: nn.Module) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(
        self, image: UInt8[Tensor, "1 h w 3"]
    ) -> tuple[Float[Tensor, "1 q c"], Float[Tensor, "1 q h4 w4"]]:
        return self.segmenter(to_planes(image))[:2]


def to_planes(image: UInt8[Tensor, "1 h w 3"]) -> Float[Tensor, "1 3 h w"]:
    """Return camera bytes as planes of floats.

    The cast comes first: TensorRT takes bytes into a cast and into nothing else.
    """
    return image.float().permute(0, 3, 1, 2)


def export_segmenter(model: DsFlash, path: str) -> None:
    """Write `segmenter.onnx` of the form `two_files`, with fixed shapes."""
    opset = model.config.segmenter.export_needs.opset
    graph, names = SegmenterGraph(model), SEGMENTER_NAMES
    _export_open(graph, (_camera_bytes(model),), path, names, LABELS, opset=opset)


def export_segments(model: DsFlash, path: str) -> None:
    """Write `segmenter.onnx` of the form `segmenter_only`, with fixed shapes."""
    graph = SegmentsGraph(model.segmenter)
    opset = model.config.segmenter.export_needs.opset
    _export_open(graph, (_camera_bytes(model),), path, SEGMENTS_NAMES, LABELS, opset=opset)


def _camera_bytes(model: DsFlash) -> Tensor:
    return torch.zeros(1, *model.config.segmenter.input_hw, 3, dtype=torch.uint8)


def export_fused(model: DsFlash, path: str, is_thing: list[bool], num_slots: int) -> None:
    """Write `fused.onnx` with fixed shapes; arguments as in `FusedGraph`.

    Raises:
        ValueError: a network that compares with words.
    """
    if word_scores(model) is not None:
        raise ValueError(
            "a model with text_encoder cannot be one fused file, which takes no other words; "
            "export it as two files (without --fused)"
        )
    config, inputs, outputs = model.config.segmenter, *FUSED_NAMES
    height, width = (size // config.mask_stride for size in config.input_hw)
    arguments = (
        torch.zeros(1, *config.input_hw, 3, dtype=torch.uint8),
        torch.zeros(2),
        torch.tensor([height, width], dtype=torch.int32),
        torch.linspace(-1, 1, height + 1),
        torch.linspace(-1, 1, width + 1),
    )
    graph = FusedGraph(model, is_thing, num_slots)
    _export(graph, arguments, path, inputs, outputs, opset=config.export_needs.opset)


def export_relations(model: DsFlash, path: str) -> None:
    """Write `relations.onnx` with a free pair axis; of a network that prunes, also a token axis."""
    if model.config.relations.prune:
        _export_pruned(model, path)
        return
    stage, pairs = model.relations, 7
    cells = stage.grid_hw[0] * stage.grid_hw[1]
    tokens = torch.zeros(1, cells, model.config.relations.dim)
    # Two tensors, not one twice: the exporter would take an aliased argument for one input.
    subject, other = torch.zeros(pairs, cells), torch.zeros(pairs, cells)
    pair = torch.export.Dim("pair", min=1, max=1 << 20)
    free = (None, {0: pair}, {0: pair}, {0: pair})
    arguments = (tokens, subject, other, torch.zeros(pairs, 8))
    _export_open(stage, arguments, path, RELATION_NAMES, PREDICATES, free)


class PrunedRelationGraph(nn.Module):
    """The relation stage over chosen cells of each pair, all pairs padded to one width.

    A token that neither segment overlaps is looked at by nothing, so pruned cells may be left out
    and padding is any cell with overlaps of zero: no mask is passed.
    """

    def __init__(self, stage: RelationStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(
        self,
        patch_tokens: Float[Tensor, "1 cell dim"],
        cells: Int[Tensor, "pair token"],
        subject_overlap: Float[Tensor, "pair token"],
        object_overlap: Float[Tensor, "pair token"],
        boxes: Float[Tensor, "pair 8"],
    ) -> tuple[Float[Tensor, "pair column"], Float[Tensor, "pair column"]]:
        """Return logits subject -> object and object -> subject, pruned."""
        tokens, head = functional.embedding(cells, patch_tokens[0]), self.stage.head
        vectors = self.pair_vectors(tokens, cells, subject_overlap, object_overlap, boxes)
        if head.bidirectional:
            return head(vectors)
        swapped = self.pair_vectors(
            tokens, cells, object_overlap, subject_overlap, swap_boxes(boxes)
        )
        return head.mlp(vectors), head.mlp(swapped)

    def pair_vectors(
        self,
        tokens: Float[Tensor, "pair token dim"],
        cells: Int[Tensor, "pair token"],
        subject_overlap: Float[Tensor, "pair token"],
        object_overlap: Float[Tensor, "pair token"],
        boxes: Float[Tensor, "pair 8"],
    ) -> Float[Tensor, "pair dim"]:
        """Return the class token of every pair, before the head."""
        embedded = self.stage.mask_embedding(tokens, subject_overlap, object_overlap)
        keep = kept_cells(subject_overlap, object_overlap)
        return self.stage.neck(embedded, boxes, keep, cells)


def _export_pruned(model: DsFlash, path: str) -> None:
    stage, pairs, width = model.relations, 7, 5
    num_cells = stage.grid_hw[0] * stage.grid_hw[1]
    tokens = torch.zeros(1, num_cells, model.config.relations.dim)
    cells = torch.zeros(pairs, width, dtype=torch.int32)
    subject, other = torch.zeros(pairs, width), torch.zeros(pairs, width)
    pair = torch.export.Dim("pair", min=1, max=1 << 20)
    # The tokens of this example may be more than there are cells, so the bound must allow them.
    wide = {0: pair, 1: torch.export.Dim("token", min=2, max=max(num_cells, width))}
    free = (None, wide, wide, wide, {0: pair})
    arguments = (tokens, cells, subject, other, torch.zeros(pairs, 8))
    graph = PrunedRelationGraph(stage)
    _export_open(graph, arguments, path, PRUNED_NAMES, PREDICATES, free)


class OpenGraph(nn.Module):
    """A graph that is given its words: the last argument takes the place of those it holds."""

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.inner = graph  # `graph` is a name of the exporter's
        scores = word_scores(graph)
        parts = graph.named_modules()
        self.buffer = next(f"{name}.words" for name, part in parts if part is scores)

    def forward(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        *others, words = arguments
        return torch.func.functional_call(self.inner, {self.buffer: words}, tuple(others))


def _export_open(
    graph: nn.Module,
    arguments: tuple[Tensor, ...],
    path: str,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    words: WordRoom,
    dynamic_shapes: tuple | None = None,
    opset: int = OPSET,
) -> None:
    """Export; a graph that compares with words gets their vectors as its last input."""
    inputs, outputs = names
    scores = word_scores(graph)
    if scores is not None:
        graph = OpenGraph(graph)
        arguments = (*arguments, torch.zeros(words.places, scores.words.shape[1]))
        inputs = (*inputs, words.input)
        dynamic_shapes = ((*dynamic_shapes, None),) if dynamic_shapes else None
    _export(graph, arguments, path, inputs, outputs, dynamic_shapes, opset=opset)


def _export(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    path: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    dynamic_shapes: tuple | None = None,
    opset: int = OPSET,
) -> None:
    with _quiet_exporter():
        torch.onnx.export(
            module.eval(),
            arguments,
            path,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=dynamic_shapes,
            opset_version=opset,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    network = onnx.load(path)
    fold_tables(network)
    forget_origin(network)
    onnx.save(network, path)


def fold_tables(network: onnx.ModelProto) -> None:
    """Make constants of what no input decides, as the tables of the rotary code.

    The exporter folds small ones itself. TensorRT 10.3 is reported to convert the operators of
    large ones wrongly, and others compute them again for every image. Names begin with `TABLE`.
    """
    known = {tensor.name for tensor in network.graph.initializer}
    limit = LARGEST_TABLE
    optimizer.fold_constants(network, input_size_limit=limit, output_size_limit=limit)
    optimizer.remove_unused_nodes(network)
    tables = {tensor.name for tensor in network.graph.initializer} - known
    for tensor in network.graph.initializer:
        tensor.name = TABLE * (tensor.name in tables) + tensor.name
    for node in network.graph.node:
        node.input[:] = [TABLE * (name in tables) + name for name in node.input]


def forget_origin(network: onnx.ModelProto) -> None:
    """Drop what the exporter notes of every operator: lines of our source, names of folders."""
    graph = network.graph
    values = (*graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for part in (network, graph, *graph.node, *values):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep to itself what users cannot mend: no torchvision, one name for several free axes."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
