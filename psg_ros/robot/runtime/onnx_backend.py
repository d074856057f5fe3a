# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU, in fp32."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.tensors import check_declared, check_inputs

# ONNX Runtime's errors share no base class but Exception.
LOAD_ERRORS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoModel,
    errors.NotImplemented,
    errors.RuntimeException,
)
DTYPES = {"float": "float32", "double": "float64"}


class OnnxBackend:
    """An ONNX Runtime session; see `psg_ros.robot.runtime.backend.Backend`."""

    name = "onnxruntime"
    precision = "fp32"

    def __init__(self, session: onnxruntime.InferenceSession, spec: ArtifactSpec) -> None:
        self._session: onnxruntime.InferenceSession | None = session
        self._spec = spec
        self._output_names = [tensor.name for tensor in spec.outputs]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See `Backend.run`."""
        if self._session is None:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        outputs = self._session.run(self._output_names, dict(inputs))
        return dict(zip(self._output_names, outputs, strict=True))

    def close(self) -> None:
        """See `Backend.close`."""
        self._session = None


def open_artifact(path: Path, spec: ArtifactSpec, *, threads: int, precision: str) -> OnnxBackend:
    """See `psg_ros.robot.runtime.backend.open_backend`."""
    if precision == "bf16":
        raise ValueError("onnxruntime computes in fp32 here; set precision to auto or fp32")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors; its warnings are about graph rewriting
    try:
        # Its fallback would print about the error and then try the very same again.
        session = onnxruntime.InferenceSession(
            _source(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except (*LOAD_ERRORS, ValueError) as error:  # ValueError: names in the file that are no text
        raise ValueError(
            f"{path} cannot be loaded, expected an ONNX model but found: {error}; copy the model "
            "folder again"
        ) from error
    declared_inputs = [_spec_of(arg) for arg in session.get_inputs()]
    declared_outputs = [_spec_of(arg) for arg in session.get_outputs()]
    check_declared(path, spec, declared_inputs, declared_outputs)
    return OnnxBackend(session, spec)


def _source(path: Path) -> str | bytes:
    """Return the name of a file, or its content where the library cannot open such a name.

    A name is better: of bytes the library keeps a second copy.
    """
    try:
        return str(path).encode().decode()
    except UnicodeEncodeError:
        return path.read_bytes()


def describe() -> tuple[str, str]:
    """Return (version, what it runs on)."""
    return onnxruntime.__version__, "CPU, fp32"


def _spec_of(arg: onnxruntime.NodeArg) -> TensorSpec:
    kind = arg.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else -1 for size in arg.shape)
    return TensorSpec(arg.name, DTYPES.get(kind, kind), shape)
