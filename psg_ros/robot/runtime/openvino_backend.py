# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU: latency mode, bf16 where the processor has it, compiled networks cached."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import openvino

from psg_ros.robot.manifest import ArtifactSpec, TensorSpec, file_sha256
from psg_ros.robot.runtime.compiled_cache import cache_folder, load, store
from psg_ros.robot.runtime.tensors import check_declared, check_inputs

logger = logging.getLogger(__name__)
DEVICE = "CPU"
DEVICE_PROPERTIES = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES", "DEVICE_ARCHITECTURE")


class OpenVinoBackend:
    """A compiled network with one inference request; see `robot.runtime.backend.Backend`."""

    name = "openvino"

    def __init__(self, network: openvino.CompiledModel, spec: ArtifactSpec) -> None:
        hint = network.get_property("INFERENCE_PRECISION_HINT")
        self.precision = "bf16" if hint == openvino.Type.bf16 else "fp32"
        self._request: openvino.InferRequest | None = network.create_infer_request()
        self._spec = spec
        self._output_names = [tensor.name for tensor in spec.outputs]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See `Backend.run`."""
        if self._request is None:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        self._request.infer(dict(inputs), share_inputs=True, share_outputs=True)
        return {name: self._request.get_tensor(name).data for name in self._output_names}

    def close(self) -> None:
        """See `Backend.close`."""
        self._request = None


def open_artifact(
    path: Path, spec: ArtifactSpec, *, threads: int, precision: str
) -> OpenVinoBackend:
    """See `psg_ros.robot.runtime.backend.open_backend`."""
    core = openvino.Core()
    options: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _inference_precision(core, precision),
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    network = _compile_or_load(core, path, options)
    declared_inputs = [_spec_of(port) for port in network.inputs]
    declared_outputs = [_spec_of(port) for port in network.outputs]
    check_declared(path, spec, declared_inputs, declared_outputs)
    return OpenVinoBackend(network, spec)


def describe() -> tuple[str, str]:
    """Return (version, what it runs on)."""
    core = openvino.Core()
    device = core.get_property(DEVICE, "FULL_DEVICE_NAME")
    precision = "bf16" if _has_bf16(core) else "fp32"
    return openvino.__version__, f"CPU ({device}), {precision}"


def _has_bf16(core: openvino.Core) -> bool:
    return "BF16" in core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")


def _inference_precision(core: openvino.Core, precision: str) -> str:
    if precision == "bf16" and not _has_bf16(core):
        raise ValueError("this processor has no bf16 arithmetic; set precision to auto or fp32")
    return "bf16" if precision != "fp32" and _has_bf16(core) else "f32"


def _compile(
    core: openvino.Core, path: Path, options: Mapping[str, object]
) -> openvino.CompiledModel:
    try:
        return core.compile_model(str(path), DEVICE, options)
    except RuntimeError as error:
        raise ValueError(
            f"{path} cannot be loaded, expected an ONNX model but found: {error}; copy the model "
            "folder again"
        ) from error


def _compile_or_load(
    core: openvino.Core, path: Path, options: Mapping[str, object]
) -> openvino.CompiledModel:
    """Compile a network, or take what an earlier start compiled from the same bytes."""
    folder = cache_folder(OpenVinoBackend.name)
    if folder is None:
        return _compile(core, path, options)
    settings = [str(value) for value in options.values()]
    device = [str(core.get_property(DEVICE, name)) for name in DEVICE_PROPERTIES]
    digest = file_sha256(path)
    kept = folder / f"{'-'.join([digest[:16], *settings])}.blob"
    # A file of this name that another version or processor left is of another purpose.
    purpose = "\n".join([openvino.get_version(), *device, digest, *settings])
    if (blob := load(kept, purpose)) is not None:
        with _only_warning(f"{kept} is of no use"):
            return core.import_model(blob, DEVICE, options)
    network = _compile(core, path, options)
    with _only_warning(f"{path} is compiled again at every start"):
        store(kept, purpose, network.export_model().getbuffer())
    return network


@contextmanager
def _only_warning(consequence: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # OpenVINO's only one
        logger.warning("%s: %s", consequence, error)


def _spec_of(port: openvino.ConstOutput) -> TensorSpec:
    shape = tuple(-1 if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
    return TensorSpec(port.get_any_name(), port.get_element_type().to_dtype().name, shape)
