# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime in fp32: on the CPU, or on a GPU of NVIDIA through CUDA or TensorRT."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from psg_ros.backend_table import CPU, FP8, Device
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime import onnx_providers
from psg_ros.robot.runtime.refusals import DeviceUnavailable, NetworkFailed, choose_precision
from psg_ros.robot.runtime.tensors import Tensor, check_declared, check_inputs, to_host

logger = logging.getLogger(__name__)

# ONNX Runtime's errors share no base class but Exception. These are about the file ...
FILE_ERRORS = (
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoModel,
    ValueError,  # names in the file that are no text
)
# ... and these on the CPU, too, but elsewhere about the device.
OTHER_ERRORS = (
    errors.EPFail,
    errors.Fail,
    errors.NotImplemented,
    errors.RuntimeException,
    RuntimeError,
)
DTYPES = {"float": "float32", "double": "float64"}
PRECISIONS = ("fp32",)
HOST = ("cpu", 0)
FATAL = 4  # of ONNX Runtime's severities


@dataclass(frozen=True)
class OnnxTensor:
    """An output on the device; see `psg_ros.robot.runtime.tensors.DeviceTensor`."""

    value: onnxruntime.OrtValue
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """See `DeviceTensor`."""
        return tuple(self.value.shape())

    def numpy(self) -> np.ndarray:
        """See `DeviceTensor`."""
        return np.asarray(self.value.numpy())


class OnnxBackend:
    """An ONNX Runtime session; see `psg_ros.robot.runtime.backend.Backend`."""

    name = "onnxruntime"
    precision = "fp32"

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        spec: ArtifactSpec,
        device: Device = CPU,
        memory: tuple[str, int] | None = None,
    ) -> None:
        """Use a session.

        Args:
            memory: ONNX Runtime's name and number of where kept outputs stay; None: the host, where
                arrays go in and out without a copy.
        """
        self.device = str(device)
        self._session: onnxruntime.InferenceSession | None = session
        self._spec = spec
        self._memory = memory
        self._output_names = [tensor.name for tensor in spec.outputs]
        self._options = onnxruntime.RunOptions()
        self._options.log_severity_level = FATAL  # what it would print, the error says, too

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        if self._session is None:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        try:
            if self._memory is not None:
                return self._run_bound(self._session, self._memory, inputs, keep)
            arrays = {name: to_host(tensor) for name, tensor in inputs.items()}
            outputs = self._session.run(self._output_names, arrays, self._options)
        except (*FILE_ERRORS, *OTHER_ERRORS) as error:
            raise NetworkFailed(self._spec.file, error) from error
        return dict(zip(self._output_names, outputs, strict=True))

    def close(self) -> None:
        """See `Backend.close`."""
        self._session = None

    def _run_bound(
        self,
        session: onnxruntime.InferenceSession,
        memory: tuple[str, int],
        inputs: Mapping[str, Tensor],
        keep: Collection[str],
    ) -> Mapping[str, Tensor]:
        """Run with every tensor where it is wanted: arrays go up, kept outputs stay."""
        binding = session.io_binding()
        for name, tensor in inputs.items():
            if isinstance(tensor, OnnxTensor):
                binding.bind_ortvalue_input(name, tensor.value)
            else:
                binding.bind_cpu_input(name, to_host(tensor))
        for name in self._output_names:
            binding.bind_output(name, *(memory if name in keep else HOST))
        session.run_with_iobinding(binding, self._options)
        named = zip(self._spec.outputs, binding.get_outputs(), strict=True)
        return {
            tensor.name: OnnxTensor(value, np.dtype(tensor.dtype))
            if tensor.name in keep
            else value.numpy()
            for tensor, value in named
        }


def open_artifact(
    path: Path, spec: ArtifactSpec, *, threads: int, device: Device | None, precision: str
) -> OnnxBackend:
    """See `psg_ros.robot.runtime.backend.BackendModule`."""
    choose_precision(precision, PRECISIONS, OnnxBackend.name)
    if device is not None:
        return _open_on(device, path, spec, threads)
    if "cuda" in onnx_providers.kinds_built_in():
        try:
            return _open_on(Device("cuda"), path, spec, threads)
        except DeviceUnavailable as error:
            logger.warning("device auto is cpu, because %s", error)
    return _open_on(CPU, path, spec, threads)


def describe() -> tuple[str, dict[str, str]]:
    """See `psg_ros.robot.runtime.backend.BackendModule`."""
    precisions = " or ".join(PRECISIONS)
    return onnxruntime.__version__, dict.fromkeys(onnx_providers.kinds_built_in(), precisions)


@dataclass(frozen=True)
class Interface:
    """What an ONNX file says of itself; an axis of -1 is free."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metadata: Mapping[str, str]


def read_interface(path: Path) -> Interface:
    """Return the tensors of an ONNX file and the notes that its makers put into it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an ONNX file, or one that needs other files or operators unknown here.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is a folder, an ONNX file was expected")
    session = _make_session(CPU, path, ArtifactSpec(path.name, "", (), ()), threads=1)
    return Interface(
        tuple(map(_spec_of, session.get_inputs())),
        tuple(map(_spec_of, session.get_outputs())),
        dict(session.get_modelmeta().custom_metadata_map),
    )


def _open_on(device: Device, path: Path, spec: ArtifactSpec, threads: int) -> OnnxBackend:
    onnx_providers.check_built_in(device)
    session = _make_session(device, path, spec, threads)
    if device != CPU:
        onnx_providers.check_running(session, device)
    declared_inputs = [_spec_of(arg) for arg in session.get_inputs()]
    declared_outputs = [_spec_of(arg) for arg in session.get_outputs()]
    check_declared(path, spec, declared_inputs, declared_outputs)
    memory = None if device == CPU else ("cuda", device.index)
    return OnnxBackend(session, spec, device, memory)


def _make_session(
    device: Device, path: Path, spec: ArtifactSpec, threads: int
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors; its warnings are about graph rewriting
    if spec.twin == FP8:
        # More of it makes operators of Q and DQ that do not take fp8, and drops a ReLU before a Q
        # as if numbers in fp8 had no sign.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    if device != CPU:
        onnx_providers.load_cuda()
        onnx_providers.record_nodes(options)
    providers = onnx_providers.provider_options(device, spec)
    try:
        # Its fallback would print about the error and then try the very same again.
        return onnxruntime.InferenceSession(
            _source(path), options, providers=providers, enable_fallback=0
        )
    except (*FILE_ERRORS, *OTHER_ERRORS) as error:
        if device != CPU and isinstance(error, OTHER_ERRORS):
            raise onnx_providers.not_started(device, error) from error
        raise ValueError(
            f"{path} cannot be loaded, expected an ONNX model but found: {error}; copy the model "
            "folder again"
        ) from error


def _source(path: Path) -> str | bytes:
    """Return the name of a file, or its content where the library cannot open such a name.

    A name is better: of bytes the library keeps a second copy.
    """
    try:
        return str(path).encode().decode()
    except UnicodeEncodeError:
        return path.read_bytes()


def _spec_of(arg: onnxruntime.NodeArg) -> TensorSpec:
    kind = arg.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else -1 for size in arg.shape)
    return TensorSpec(arg.name, DTYPES.get(kind, kind), shape)
