# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Comparing what a manifest promises with what a file declares and with the arrays that come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from psg_ros.robot.manifest import ArtifactSpec, TensorSpec


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
                f"{path} does not fit its manifest: {kind} expected {_text(wanted)}, found "
                f"{_text(found)}; export the model again"
            )


def check_inputs(spec: ArtifactSpec, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError unless there is one array of the right dtype and shape for each input."""
    if arrays.keys() != {tensor.name for tensor in spec.inputs}:
        names = [tensor.name for tensor in spec.inputs]
        raise ValueError(f"{spec.file} takes inputs {names}, not {sorted(arrays)}")
    for tensor in spec.inputs:
        array = arrays[tensor.name]
        found = TensorSpec(tensor.name, array.dtype.name, array.shape)
        if not _fits(found, tensor):
            raise ValueError(f"{spec.file} takes {_text([tensor])}, not {_text([found])}")
        if any(size > most for size, most in zip(array.shape, tensor.maximum, strict=False)):
            raise ValueError(
                f"{spec.file} takes {tensor.name} of at most {list(tensor.maximum)}, not "
                f"{_text([found])}"
            )


def _fits(wanted: TensorSpec, declared: TensorSpec) -> bool:
    return (
        wanted.dtype == declared.dtype
        and len(wanted.shape) == len(declared.shape)
        and all(d in (-1, w) for w, d in zip(wanted.shape, declared.shape, strict=True))
    )


def _text(tensors: Sequence[TensorSpec]) -> str:
    return ", ".join(f"{t.name} {t.dtype} {list(t.shape)}" for t in tensors) or "none"
