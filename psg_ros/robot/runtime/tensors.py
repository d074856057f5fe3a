# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors: what networks take and give, and whether they are what a manifest promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from psg_ros.robot.manifest import ArtifactSpec, TensorSpec


class DeviceTensor(Protocol):
    """An output that stayed where a backend computed it; only a backend looks inside.

    Pass it on as an input. It is valid until the next `run` of the backend that made it.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """As of the array that `numpy` would return."""
        ...

    def numpy(self) -> np.ndarray:
        """Copy it to the host, if it is not there."""
        ...


Tensor = np.ndarray | DeviceTensor
"""An input or output of a network. An array is what it is on the host."""


def to_host(tensor: Tensor) -> np.ndarray:
    """Return the array that a tensor is, or a copy of what lies on a device."""
    return tensor if isinstance(tensor, np.ndarray) else tensor.numpy()


def check_declared(
    path: Path, spec: ArtifactSpec, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> None:
    """Raise ValueError unless the file's tensors are those of the manifest.

    An axis that the manifest leaves free must be free in the file; the reverse is allowed.
    """
    both = (("inputs", spec.inputs, inputs), ("outputs", spec.outputs, outputs))
    for kind, wanted, found in both:
        declared = {tensor.name: tensor for tensor in found}
        same_names = {tensor.name for tensor in wanted} == declared.keys()
        if not same_names or not all(_fits(tensor, declared[tensor.name]) for tensor in wanted):
            raise ValueError(
                f"{path} does not fit its manifest: {kind} expected {as_text(wanted)}, found "
                f"{as_text(found)}; export the model again"
            )


def check_inputs(spec: ArtifactSpec, arrays: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless there is one tensor of the right dtype and shape for each input."""
    if arrays.keys() != {tensor.name for tensor in spec.inputs}:
        names = [tensor.name for tensor in spec.inputs]
        raise ValueError(f"{spec.file} takes inputs {names}, not {sorted(arrays)}")
    for tensor in spec.inputs:
        array = arrays[tensor.name]
        found = TensorSpec(tensor.name, array.dtype.name, array.shape)
        if not _fits(found, tensor):
            raise ValueError(f"{spec.file} takes {as_text([tensor])}, not {as_text([found])}")
        if any(size > most for size, most in zip(array.shape, tensor.maximum, strict=False)):
            raise ValueError(
                f"{spec.file} takes {tensor.name} of at most {list(tensor.maximum)}, not "
                f"{as_text([found])}"
            )


def _fits(wanted: TensorSpec, declared: TensorSpec) -> bool:
    return (
        wanted.dtype == declared.dtype
        and len(wanted.shape) == len(declared.shape)
        and all(d in (-1, w) for w, d in zip(wanted.shape, declared.shape, strict=True))
    )


def as_text(tensors: Sequence[TensorSpec]) -> str:
    """Return names, dtypes and shapes for a message."""
    return ", ".join(f"{t.name} {t.dtype} {list(t.shape)}" for t in tensors) or "none"
