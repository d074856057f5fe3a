# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU or a GPU of Intel: latency mode, compiled networks kept between starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from psg_ros.backend_table import CPU, Device
from psg_ros.file_digest import file_sha256
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.compiled_cache import CompiledFor, load_or_compile
from psg_ros.robot.runtime.lean_import import on_demand, without
from psg_ros.robot.runtime.refusals import DeviceUnavailable, NetworkFailed, choose_precision
from psg_ros.robot.runtime.tensors import Tensor, check_declared, check_inputs

# Its converter of models brings telemetry and an HTTP client: half of the time of the import.
CONVERTER = "openvino.tools.ovc"
with without(CONVERTER):
    import openvino
on_demand(openvino, "convert_model", CONVERTER)

HARDWARE = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES", "DEVICE_ARCHITECTURE")
"""Properties that a compiled network depends on."""

PREFERENCE = {"cpu": ("bf16", "fp32", "fp16"), "gpu": ("fp16", "fp32")}
"""Kind of device -> precisions, the first that the hardware has is "auto"."""

HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
"""Precision -> OpenVINO's name of the type."""


@dataclass(frozen=True)
class OpenVinoTensor:
    """An output where the network left it; see `psg_ros.robot.runtime.tensors.DeviceTensor`."""

    tensor: openvino.Tensor
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """See `DeviceTensor`."""
        return tuple(self.tensor.shape)

    def numpy(self) -> np.ndarray:
        """See `DeviceTensor`."""
        return np.asarray(self.tensor.data)


class _Loaded(NamedTuple):
    """A compiled network, and the memory that one from the cache reads its weights from."""

    network: openvino.CompiledModel
    memory: memoryview | None = None


class _Running(NamedTuple):
    """A request, and the memory that its network reads: whoever has one has both."""

    request: openvino.InferRequest
    memory: memoryview | None


class OpenVinoBackend:
    """A compiled network with one inference request; see `robot.runtime.backend.Backend`."""

    name = "openvino"

    def __init__(self, loaded: _Loaded, spec: ArtifactSpec) -> None:
        network, memory = loaded
        hint = network.get_property("INFERENCE_PRECISION_HINT")
        self.precision = next(p for p, name in HINTS.items() if name == hint.get_type_name())
        self.device = ", ".join(map(_users_name, network.get_property("EXECUTION_DEVICES")))
        self._running: _Running | None = _Running(network.create_infer_request(), memory)
        self._spec = spec

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        running = self._running  # to the end, even if another thread closes this meanwhile
        if running is None:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        feed = {name: _as_openvino(tensor) for name, tensor in inputs.items()}
        try:
            running.request.infer(feed, share_inputs=True, share_outputs=True)
        except RuntimeError as error:
            raise NetworkFailed(self._spec.file, error) from error
        outputs: dict[str, Tensor] = {}
        for tensor in self._spec.outputs:
            found = running.request.get_tensor(tensor.name)
            kept = tensor.name in keep
            outputs[tensor.name] = (
                OpenVinoTensor(found, np.dtype(tensor.dtype)) if kept else found.data
            )
        return outputs

    def close(self) -> None:
        """See `Backend.close`."""
        self._running = None


def open_artifact(
    path: Path, spec: ArtifactSpec, *, threads: int, device: Device | None, precision: str
) -> OpenVinoBackend:
    """See `psg_ros.robot.runtime.backend.BackendModule`."""
    core, device = openvino.Core(), device or CPU
    _check_there(core, device)
    offered = _precisions(core, device)
    chosen = choose_precision(precision, offered, f"openvino on {_hardware_name(core, device)}")
    options: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[chosen],
    }
    if threads and device == CPU:
        options["INFERENCE_NUM_THREADS"] = threads
    name = _openvinos_name(device)
    wanted = CompiledFor(
        artifact_sha256=file_sha256(path),
        backend=OpenVinoBackend.name,
        version=openvino.get_version(),
        device="\n".join([name, *(str(core.get_property(name, fact)) for fact in HARDWARE)]),
        precision=chosen,
        options=options,
    )
    loaded = load_or_compile(
        wanted,
        compile=lambda: _Loaded(_compile(core, path, name, options)),
        restore=lambda blob: _restore(core, blob, name, options),
        serialize=lambda loaded: loaded.network.export_model().getbuffer(),
    )
    network = loaded.network
    declared_inputs = [_spec_of(port) for port in network.inputs]
    declared_outputs = [_spec_of(port) for port in network.outputs]
    check_declared(path, spec, declared_inputs, declared_outputs)
    return OpenVinoBackend(loaded, spec)


def describe() -> tuple[str, dict[str, str]]:
    """See `psg_ros.robot.runtime.backend.BackendModule`."""
    core = openvino.Core()
    devices = [device for device in map(_device, core.available_devices) if device is not None]
    return openvino.__version__, {
        str(device): f"{_hardware_name(core, device)}, {' or '.join(_precisions(core, device))}"
        for device in devices
    }


def _check_there(core: openvino.Core, device: Device) -> None:
    found = [str(known) for known in map(_device, core.available_devices) if known is not None]
    if str(device) not in found:
        raise DeviceUnavailable(
            f"openvino finds no {device} here, only {', '.join(found)}: gpu is Intel's and needs "
            "its OpenCL driver (apt-get install intel-opencl-icd) and a user in the group render; "
            "GPUs of NVIDIA are cuda, of the backend onnxruntime; or set device to cpu"
        )


def _device(name: str) -> Device | None:
    """Return a device from OpenVINO's name for it, as CPU, GPU or GPU.1; None for other kinds."""
    kind, _, index = name.lower().partition(".")
    return Device(kind, int(index or 0)) if kind in PREFERENCE else None


def _users_name(name: str) -> str:
    device = _device(name)
    return name if device is None else str(device)


def _openvinos_name(device: Device) -> str:
    return "CPU" if device == CPU else f"{device.kind.upper()}.{device.index}"


def _hardware_name(core: openvino.Core, device: Device) -> str:
    return str(core.get_property(_openvinos_name(device), "FULL_DEVICE_NAME")).strip()


def _precisions(core: openvino.Core, device: Device) -> list[str]:
    """Return what a device computes in, fastest first; fp32 it always has."""
    found = core.get_property(_openvinos_name(device), "OPTIMIZATION_CAPABILITIES")
    return [p for p in PREFERENCE[device.kind] if p == "fp32" or p.upper() in found]


def _compile(
    core: openvino.Core, path: Path, name: str, options: Mapping[str, object]
) -> openvino.CompiledModel:
    try:
        return core.compile_model(str(path), name, options)
    except RuntimeError as error:
        raise ValueError(
            f"{path} cannot be loaded, expected an ONNX model but found: {error}; copy the model "
            "folder again"
        ) from error


def _restore(
    core: openvino.Core, blob: memoryview, name: str, options: Mapping[str, object]
) -> _Loaded:
    """Load a network where it lies: OpenVINO would copy other bytes before it reads them."""
    tensor = openvino.Tensor(np.asarray(blob), shared_memory=True)
    return _Loaded(core.import_model(tensor, name, options), blob)


def _as_openvino(tensor: Tensor) -> np.ndarray | openvino.Tensor:
    if isinstance(tensor, OpenVinoTensor):
        return tensor.tensor
    return tensor if isinstance(tensor, np.ndarray) else tensor.numpy()


def _spec_of(port: openvino.ConstOutput) -> TensorSpec:
    shape = tuple(-1 if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
    return TensorSpec(port.get_any_name(), port.get_element_type().to_dtype().name, shape)
