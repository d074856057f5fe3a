# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The backend torch: a run folder as a pipeline, without an export.

Only the networks are run by something else: they are the modules that an export writes, between the
same steps from image to graph. On a GPU, all of them become one graph that is captured beforehand.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from psg_ros.backend_table import CPU, Device, parse_device, row_of
from psg_ros.config import PipelineConfig, Recommendation
from psg_ros.labels import Vocabulary
from psg_ros.network.dsflash import DsFlash
from psg_ros.network.export import (
    PRUNED_NAMES,
    RELATION_NAMES,
    SEGMENTER_NAMES,
    PrunedRelationGraph,
    SegmenterGraph,
)
from psg_ros.network.frame_graph import FrameGraph
from psg_ros.network.fused import FUSED_NAMES, FusedGraph
from psg_ros.robot.forms.fused import Fused
from psg_ros.robot.forms.two_files import TwoFiles
from psg_ros.robot.manifest import (
    RUN_FILE,
    Manifest,
    ModelFolder,
    TensorSpec,
    find_model,
)
from psg_ros.robot.runtime.backend import Backend, thread_limit
from psg_ros.robot.runtime.refusals import DeviceUnavailable, choose_precision
from psg_ros.setting_files import config_from_dict
from psg_ros.torch_runtime.arithmetic import WIDE
from psg_ros.torch_runtime.backend import TorchBackend
from psg_ros.torch_runtime.frame_backend import FrameBackend, frame_tensors
from psg_ros.torch_runtime.gpu_stream import CudaStream
from psg_ros.training.release import (
    describe_file,
    describe_network,
    greatest_axes,
    sizes,
)
from psg_ros.training.train import load_run, weight_files

logger = logging.getLogger(__name__)

DTYPES = {"image": "uint8", "cells": "int32"}
"""Tensors that are not float32."""

Axes = tuple[int | str, ...]
"""Sizes, and the names of free axes."""

Tensors = tuple[TensorSpec, ...]


def open_networks(config: PipelineConfig) -> tuple[ModelFolder, list[Backend]]:
    """See `psg_ros.robot.opening.RunModule`; the model is a run folder of `psg train`.

    Raises:
        FileNotFoundError: no run folder, or one of the two stages has no weights yet.
        ValueError: weights that do not fit, or a device or precision that is not available.
    """
    device = _device_of(config)
    precision = choose_precision(config.precision, _precisions(device), f"torch on {device}")
    run_dir = _run_folder(config.model)
    model, training, vocabulary = load_run(run_dir)
    weights = weight_files(run_dir, training)
    if threads := config.threads or thread_limit():
        torch.set_num_threads(threads)  # of the whole process: torch has no others
    if device.kind == "cuda":
        graph = frame_graph(model, vocabulary, config.fused_segments)
        if graph is not None:
            manifest = describe_whole(model, frame_tensors(graph), weights)
            stream = CudaStream(str(device))
            frame = FrameBackend(graph, manifest.artifact("fused"), stream, precision)
            return ModelFolder(run_dir, manifest, vocabulary), [frame]
    manifest = describe_run(model, weights)
    relations = PrunedRelationGraph(model.relations) if model.relations.prune else model.relations
    modules = {"segmenter": SegmenterGraph(model), "relations": relations}
    backends: list[Backend] = [
        TorchBackend(modules[stage], manifest.artifact(stage), str(device), precision)
        for stage in TwoFiles.ARTIFACTS
    ]
    return ModelFolder(run_dir, manifest, vocabulary), backends


def frame_graph(model: DsFlash, vocabulary: Vocabulary, num_segments: int) -> FrameGraph | None:
    """Return a network as one graph; None where two are asked for, or where it cannot be one."""
    if not num_segments:
        return None
    num_slots = min(num_segments, model.config.segmenter.num_queries)
    try:
        return FrameGraph(model, [label.is_thing for label in vocabulary.labels], num_slots)
    except ValueError as error:
        logger.warning("masks are merged on the processor, between two networks: %s", error)
        return None


def open_fused(run_dir: Path, num_slots: int) -> tuple[Manifest, list[Backend]]:
    """Open what `psg export --fused` makes an ONNX file of, on the processor, in fp32.

    Raises:
        FileNotFoundError, ValueError: see `load_run`; ValueError for an impossible number of slots.
    """
    model, training, vocabulary = load_run(run_dir)
    is_thing = [label.is_thing for label in vocabulary.labels]
    graph = FrameGraph(model, is_thing, num_slots)
    inputs, outputs = frame_tensors(graph)
    by_name = {tensor.name: tensor for tensor in outputs}
    exported = tuple(by_name[name] for name in FUSED_NAMES[1])
    manifest = describe_whole(model, (inputs, exported), weight_files(run_dir, training))
    network = FusedGraph(model, is_thing, num_slots)
    (name,) = Fused.ARTIFACTS
    return manifest, [TorchBackend(network, manifest.artifact(name), str(CPU))]


def describe() -> tuple[str, dict[str, str]]:
    """See `psg_ros.robot.runtime.backend.BackendModule`."""
    devices = [CPU, *(Device("cuda", index) for index in range(torch.cuda.device_count()))]
    return torch.__version__, {str(d): " or ".join(_precisions(d)) for d in devices}


def _run_folder(model: str) -> Path:
    path = Path(model).expanduser()
    if (path / RUN_FILE).is_file():  # whatever else is in it, such as its own export
        return path
    try:
        what = f"{find_model(model)} is a model folder, which holds ONNX files and no weights"
    except FileNotFoundError:
        what = f"{model} is no run folder, it has no {RUN_FILE}"
    raise FileNotFoundError(
        f"{what}: backend torch takes the run folder of psg train that a model comes from; give "
        "that as the model, or set backend to auto for a model folder"
    )


def _device_of(config: PipelineConfig) -> Device:
    wanted, num_gpus = parse_device(config.device), torch.cuda.device_count()
    if wanted is None:
        return Device("cuda") if num_gpus else CPU
    kinds = row_of(TorchBackend.name).packages
    if wanted.kind not in kinds:
        raise ValueError(
            f"torch runs on {' or '.join(kinds)}, not on {wanted.kind}; set device to auto or one "
            "of those"
        )
    if wanted != CPU and wanted.index >= num_gpus:
        there = f"{num_gpus} CUDA devices, counted from 0," if num_gpus else "no CUDA device"
        raise DeviceUnavailable(f"device {wanted}: torch finds {there} here; set device to cpu")
    return wanted


def _precisions(device: Device) -> list[str]:
    """Return what torch computes in there; the first is what "auto" is: the reference."""
    if device == CPU:
        return [WIDE, "bf16", "fp16"]
    with torch.cuda.device(device.index):
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return [WIDE, "bf16", "fp16"] if has_bf16 else [WIDE, "fp16"]


def describe_run(model: DsFlash, weights: tuple[Path, Path]) -> Manifest:
    """Return the manifest that an export of the network gets, with files of weights in place."""
    tensors = (segmenter_tensors(model), relation_tensors(model))
    artifacts = {
        name: describe_file(path, *map(_plain, both))
        for name, path, both in zip(TwoFiles.ARTIFACTS, weights, tensors, strict=True)
    }
    return _described(weights[0].parent, describe_network(model, Recommendation()), artifacts)


def describe_whole(
    model: DsFlash, tensors: tuple[Tensors, Tensors], weights: tuple[Path, Path]
) -> Manifest:
    """Return the manifest of a network as one graph; its one artifact has two files of weights."""
    described = describe_run(model, weights).artifacts
    both = [described[stage] for stage in TwoFiles.ARTIFACTS]
    inputs, outputs = map(_plain, tensors)
    artifact = {
        "file": " and ".join(spec.file for spec in both),
        "sha256": hashlib.sha256("".join(spec.sha256 for spec in both).encode()).hexdigest(),
        "inputs": inputs,
        "outputs": outputs,
    }
    (name,) = Fused.ARTIFACTS
    facts = describe_network(model, Recommendation(), "fused")
    return _described(weights[0].parent, facts, {name: artifact})


def _described(run_dir: Path, facts: dict[str, Any], artifacts: dict[str, Any]) -> Manifest:
    """Return a manifest; a run is called as its folder is, like an export."""
    named = facts | {"name": run_dir.resolve().name, "artifacts": artifacts}
    return config_from_dict(Manifest, named, str(run_dir))


def segmenter_tensors(model: DsFlash) -> tuple[Tensors, Tensors]:
    """Return inputs and outputs of `SegmenterGraph`."""
    config, (num_labels, _) = model.config.segmenter, sizes(model)
    shapes: dict[str, Axes] = {
        "image": (1, *config.input_hw, 3),
        "class_logits": (1, config.num_queries, num_labels + 1),
        "mask_logits": (1, config.num_queries, *(s // config.mask_stride for s in config.input_hw)),
        "patch_tokens": _token_shape(model),
    }
    return _named(model, SEGMENTER_NAMES, shapes)


def relation_tensors(model: DsFlash) -> tuple[Tensors, Tensors]:
    """Return inputs and outputs of the relation stage, or of `PrunedRelationGraph`."""
    tokens, logits = _token_shape(model), ("pair", sizes(model)[1] + 1)
    names = PRUNED_NAMES if model.relations.prune else RELATION_NAMES
    cells = ("pair", "token" if model.relations.prune else tokens[1])
    shapes: dict[str, Axes] = {
        "patch_tokens": tokens,
        "cells": cells,
        "subject_overlap": cells,
        "object_overlap": cells,
        "boxes": ("pair", 8),
        "forward_logits": logits,
        "backward_logits": logits,
    }
    return _named(model, names, shapes)


def _token_shape(model: DsFlash) -> tuple[int, int, int]:
    rows, columns = model.relations.grid_hw
    return 1, rows * columns, model.config.relations.dim


def _named(
    model: DsFlash,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    shapes: Mapping[str, Axes],
) -> tuple[Tensors, Tensors]:
    greatest = greatest_axes(model)
    inputs, outputs = (
        tuple(_tensor(name, shapes[name], greatest) for name in group) for group in names
    )
    return inputs, outputs


def _tensor(name: str, axes: Axes, greatest: Mapping[str, int]) -> TensorSpec:
    shape = tuple(-1 if isinstance(axis, str) else axis for axis in axes)
    most = tuple(greatest[axis] if isinstance(axis, str) else axis for axis in axes)
    return TensorSpec(name, DTYPES.get(name, "float32"), shape, most if -1 in shape else ())


def _plain(tensors: Tensors) -> list[dict]:
    return [dataclasses.asdict(tensor) for tensor in tensors]
