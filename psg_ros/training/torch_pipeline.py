# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run folder as a pipeline: the trained network in torch, behind the stages that are deployed.

For measuring a run without exporting it. Only the networks are run by something else: they are the
modules that an export writes, in float32, between the same steps from image to graph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from psg_ros.config import PipelineConfig, Recommendation, config_from_dict
from psg_ros.network.dsflash import DsFlash
from psg_ros.network.export import (
    PRUNED_NAMES,
    RELATION_NAMES,
    SEGMENTER_NAMES,
    PrunedRelationGraph,
    SegmenterGraph,
)
from psg_ros.robot.forms.two_files import TwoFiles
from psg_ros.robot.manifest import ArtifactSpec, Manifest, ModelFolder, TensorSpec
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime.tensors import Tensor, check_inputs, to_host
from psg_ros.training.release import (
    describe_file,
    describe_network,
    greatest_axes,
    sizes,
)
from psg_ros.training.train import check_device, load_run, weight_files

DTYPES = {"image": "uint8", "cells": "int64"}
"""Tensors that are not float32."""

Axes = tuple[int | str, ...]
"""Sizes, and the names of free axes."""

Tensors = tuple[TensorSpec, ...]


@dataclass(frozen=True)
class TorchTensor:
    """An output on the device; see `psg_ros.robot.runtime.tensors.DeviceTensor`."""

    tensor: torch.Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """See `DeviceTensor`."""
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> np.dtype:
        """See `DeviceTensor`."""
        return np.dtype(str(self.tensor.dtype).removeprefix("torch."))

    def numpy(self) -> np.ndarray:
        """See `DeviceTensor`."""
        return self.tensor.cpu().numpy()


class TorchBackend:
    """A module behind the interface `psg_ros.robot.runtime.backend.Backend`."""

    name = "torch"
    precision = "fp32"

    def __init__(self, module: nn.Module, spec: ArtifactSpec, device: str) -> None:
        self._module: nn.Module | None = module.to(device).eval()
        self._spec, self.device = spec, device

    @torch.inference_mode()
    def run(
        self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()
    ) -> Mapping[str, np.ndarray | TorchTensor]:
        """See `Backend.run`."""
        if self._module is None:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        tensors = (_as_torch(inputs[tensor.name]) for tensor in self._spec.inputs)
        # cuDNN's convolutions would round to TF32 otherwise, which is not fp32.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            outputs = self._module(*(tensor.to(self.device) for tensor in tensors))
        named = zip(self._spec.outputs, outputs, strict=True)
        kept = ((tensor.name, TorchTensor(output)) for tensor, output in named)
        return {name: t if name in keep else t.numpy() for name, t in kept}

    def close(self) -> None:
        """See `Backend.close`."""
        self._module = None


def open_run(run_dir: Path, config: PipelineConfig, device: str = "cpu") -> Pipeline:
    """Return the network of a run of `psg train`, ready for images; see `load_run`.

    Args:
        config: thresholds and caps; -1 takes the defaults of an export. Its model and what opens
            one are ignored.
        device: torch device.

    Raises:
        FileNotFoundError: no run folder, or one of the two stages has no weights yet.
        ValueError: weights that do not fit.
        RuntimeError: no such device.
    """
    check_device(device)
    model, training, vocabulary = load_run(run_dir)
    manifest = describe_run(model, weight_files(run_dir, training))
    relations = PrunedRelationGraph(model.relations) if model.relations.prune else model.relations
    modules = {"segmenter": SegmenterGraph(model), "relations": relations}
    backends = (TorchBackend(modules[s], manifest.artifact(s), device) for s in TwoFiles.ARTIFACTS)
    folder = ModelFolder(run_dir, manifest, vocabulary)
    return Pipeline(dataclasses.replace(config, model=str(run_dir)), folder, *backends)


def describe_run(model: DsFlash, weights: tuple[Path, Path]) -> Manifest:
    """Return the manifest that an export of the network gets, with files of weights in place."""
    tensors = (segmenter_tensors(model), relation_tensors(model))
    artifacts = {
        name: describe_file(path, *map(_plain, both))
        for name, path, both in zip(TwoFiles.ARTIFACTS, weights, tensors, strict=True)
    }
    facts = describe_network(model, Recommendation()) | {"artifacts": artifacts}
    return config_from_dict(Manifest, facts, str(weights[0].parent))


def _as_torch(tensor: Tensor) -> torch.Tensor:
    return tensor.tensor if isinstance(tensor, TorchTensor) else torch.from_numpy(to_host(tensor))


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
