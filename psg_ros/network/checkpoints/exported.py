# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The weights of a segmenter that `psg export` wrote, under our own names: to train from a model.

An exporter keeps the names of most parameters. It transposes the matrices of linear layers and
names them again, joins batch norms with the convolution before them, and repeats the tokens of all
pictures: these are found by what stands beside them in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import torch
from onnx import GraphProto, numpy_helper
from torch import Tensor, nn

from psg_ros.network.checkpoints.reading import Source
from psg_ros.network.half_weights import ENDING as HALVED
from psg_ros.network.segmenters.efficientnet_lite import NORM_EPS as PRETRAINED_EPS
from psg_ros.robot.forms import load_model

PREFIX = "segmenter."
CONSTANTS = ("pixel_mean", "pixel_std", "stem.gain", "stem.offset")
PRETRAINED_STEM = "stem.network."
JOINED = ".weight_bias"
"""Ending of the bias of a convolution that a batch norm was joined with."""


def read_exported_segmenter(path: Path) -> dict[str, Tensor]:
    """Return the parameters of the `Eomt` in an ONNX file of `psg export`.

    A joined batch norm comes back as one that only adds the bias; `num_batches_tracked` is 0.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file; the message names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; expected the segmenter of a model folder")
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf raises several kinds
        raise ValueError(f"{path} is not an ONNX file, or damaged: {error}") from error
    stored = {
        t.name.removesuffix(HALVED): torch.from_numpy(numpy_helper.to_array(t).copy())
        for t in graph.initializer
    }
    stored = {n: t.float() if t.dtype == torch.float16 else t for n, t in stored.items()}
    tensors = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in stored.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in CONSTANTS
    }
    for name, matrix in _linear_layers(graph, stored):
        tensors[f"{name}.weight"] = matrix.T.contiguous()
    for name in [name for name in tensors if name.endswith(JOINED)]:
        tensors |= _separate_norm(name.removesuffix(JOINED), tensors.pop(name))
    tensors |= _tokens(graph, stored, path)
    return tensors


def _linear_layers(graph: GraphProto, stored: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield our name and the transposed matrix of every linear layer, in the graph's order."""
    block = ""
    for node in graph.node:
        if node.op_type not in ("MatMul", "Gemm") or node.input[1] not in stored:
            continue
        biases = [node.input[2]] if node.op_type == "Gemm" else _added(graph, node.output[0])
        named = [name for name in biases if name.startswith(PREFIX)]
        if named:
            layer = named[0].removeprefix(PREFIX).removesuffix(".bias")
            block = layer.split(".attention.")[0]
        else:  # the only layer without a bias: the keys, between queries and values
            layer = f"{block}.attention.k_proj"
        yield layer, stored[node.input[1]]


def _added(graph: GraphProto, name: str) -> list[str]:
    """Return what is added to a tensor."""
    adders = [node for node in graph.node if node.op_type == "Add" and name in node.input]
    return [other for node in adders for other in node.input if other != name]


def _separate_norm(convolution: str, bias: Tensor) -> dict[str, Tensor]:
    """Return the batch norm behind a convolution that has taken over its factors."""
    parent, _, index = convolution.rpartition(".")
    norm, one = f"{parent}.{int(index) + 1}", torch.ones_like(bias)
    eps = PRETRAINED_EPS if convolution.startswith(PRETRAINED_STEM) else nn.BatchNorm2d(1).eps
    return {
        f"{norm}.weight": one,
        f"{norm}.bias": bias,
        f"{norm}.running_mean": torch.zeros_like(bias),
        f"{norm}.running_var": one - eps,
        f"{norm}.num_batches_tracked": torch.tensor(0),
    }


def _tokens(graph: GraphProto, stored: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return queries, class and register tokens: what is put in front of other tokens."""
    in_front = [
        stored[node.input[0]]
        for node in graph.node
        if node.op_type == "Concat" and node.input[0] in stored and stored[node.input[0]].ndim == 3
    ]
    named = stored.get(f"{PREFIX}queries")  # many of them are repeated in the graph itself
    found = in_front if named is None else [*in_front, named[None]]
    if len(found) != 2:
        raise ValueError(f"{path} is not the segmenter of a model folder: no tokens, no queries")
    prefix, queries = found
    return {"cls_token": prefix[:, :1], "register_tokens": prefix[:, 1:], "queries": queries[0]}


READERS: dict[str, Callable[[Path], dict[str, Tensor]]] = {"eomt": read_exported_segmenter}
"""By the type of the segmenter; without an entry its exports cannot be read back."""


def read_model_folder(folder: Path, segmenter: str) -> Source:
    """Return the weights of the segmenter in a model folder, under our names.

    Args:
        segmenter: type that it is said to be of.

    Raises:
        FileNotFoundError: a file of the folder is missing.
        ValueError: a damaged folder, a form without the artifact `segmenter`, or a type whose
            exports cannot be read back.
    """
    if segmenter not in READERS:
        what = f"exports of the segmenter {segmenter} cannot be read back"
        raise ValueError(f"{folder} is a model folder, and {what}; give the run it is from")
    path = load_model(str(folder)).artifact_path("segmenter")
    return Source(path, READERS[segmenter](path))
