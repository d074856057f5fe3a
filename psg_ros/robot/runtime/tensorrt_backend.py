# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT: opens an artifact on an NVIDIA GPU, with an engine built here or kept from before."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import tensorrt as trt

from psg_ros.backend_table import FP8, Device
from psg_ros.file_digest import file_sha256
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.compiled_cache import (
    CompiledFor,
    cache_folder,
    load,
    load_or_compile,
    store,
)
from psg_ros.robot.runtime.refusals import DeviceUnavailable, choose_precision
from psg_ros.robot.runtime.tensorrt import driver
from psg_ros.robot.runtime.tensorrt.cuda_device import CudaDevice
from psg_ros.robot.runtime.tensorrt.device import DEVICES
from psg_ros.robot.runtime.tensorrt.engine import WORKSPACE_SHARE, Engine, build_engine
from psg_ros.robot.runtime.tensorrt.profiles import profiles_of
from psg_ros.robot.runtime.tensorrt.running import TensorRtBackend
from psg_ros.robot.runtime.tensorrt.steps import load_kernels
from psg_ros.robot.runtime.tensors import check_declared

logger = logging.getLogger(__name__)


FP8_SINCE = (8, 9)
"""Compute capability: Ada. Without fp8, TensorRT builds no engine."""


def open_artifact(
    path: Path, spec: ArtifactSpec, *, threads: int, device: Device | None, precision: str
) -> TensorRtBackend:
    """See `psg_ros.robot.runtime.backend.BackendModule`."""
    device = device or Device("cuda")
    gpu = _gpu(device)
    _check_fp8(spec, gpu, device)
    # An engine computes in the types of its file.
    chosen = choose_precision(precision, (spec.precision,), f"{spec.file} with tensorrt")
    cuda = _reach(device)
    try:
        wanted = engine_purpose(path, spec, gpu, chosen)
        with cuda.current():
            engine = load_or_compile(
                wanted,
                compile=lambda: Engine(_build(path, spec, gpu, wanted)),
                restore=Engine,
                serialize=lambda engine: engine.serialize(),
            )
            found = (_specs(engine, inputs=True), _specs(engine, inputs=False))
            check_declared(path, spec, *found)
            kernels = _kernels(cuda, gpu)
            return TensorRtBackend(engine, spec, cuda, str(device), kernels)
    except BaseException:
        cuda.release()
        raise


def engine_purpose(path: Path, spec: ArtifactSpec, gpu: driver.Gpu, precision: str) -> CompiledFor:
    """Return all that an engine depends on."""
    major, minor = gpu.capability
    return CompiledFor(
        artifact_sha256=file_sha256(path),
        backend=TensorRtBackend.name,
        version=f"TensorRT {trt.__version__}, driver {driver.ask_driver().version}",
        device=f"{gpu.name}, compute {major}.{minor}, {gpu.memory_bytes >> 20} MiB",
        precision=precision,
        options={
            "network": "strongly typed, no TF32",
            "profiles": ";".join(map(str, profiles_of(spec))) or "none",
            "workspace": WORKSPACE_SHARE,
        },
        is_native=True,
    )


def describe() -> tuple[str, dict[str, str]]:
    """See `psg_ros.robot.runtime.backend.BackendModule`.

    Raises:
        DeviceUnavailable: there is no GPU that works.
    """
    if problem := driver.problem():
        raise DeviceUnavailable(problem)
    gpus = enumerate(driver.ask_driver().gpus)
    return trt.__version__, {f"cuda:{n}": f"{gpu}, as its file" for n, gpu in gpus}


def _gpu(device: Device) -> driver.Gpu:
    """Return the GPU of a device. Nothing of TensorRT or CUDA is made before this has succeeded."""
    if problem := driver.problem():
        raise DeviceUnavailable(f"tensorrt cannot run on {device}: {problem}")
    gpus = driver.ask_driver().gpus
    if device.index >= len(gpus):
        there = ", ".join(f"cuda:{n} ({gpu.name})" for n, gpu in enumerate(gpus))
        raise DeviceUnavailable(f"tensorrt finds no {device} here, only {there}")
    return gpus[device.index]


def _check_fp8(spec: ArtifactSpec, gpu: driver.Gpu, device: Device) -> None:
    if spec.twin == FP8 and gpu.capability < FP8_SINCE:
        raise DeviceUnavailable(
            f"{spec.file} needs a GPU that computes in fp8, from compute 8.9 on (Ada, Hopper), and "
            f"{device} is {gpu}: set precision to int8, or to auto, which runs the file that was "
            f"exported, in {spec.precision}"
        )


def _reach(device: Device) -> CudaDevice:
    module = driver.access_module()
    assert module is not None, "driver.problem() says so"
    try:
        return DEVICES[module](device.index)
    except Exception as error:  # each library has errors of its own, and its import may fail
        raise DeviceUnavailable(
            f"{module} cannot reach {device} ({error}); install it again, or the other of "
            f"{' and '.join(driver.DEVICE_ACCESS)}"
        ) from error


def _kernels(cuda: CudaDevice, gpu: driver.Gpu) -> dict[str, Any] | None:
    try:
        return load_kernels(cuda, gpu.capability)
    except RuntimeError as error:
        logger.warning("pictures are scaled and masks merged on the processor: %s", error)
        return None


def _build(path: Path, spec: ArtifactSpec, gpu: driver.Gpu, wanted: CompiledFor) -> bytes:
    """Build an engine; what was measured on the way is kept for the next one on this GPU."""
    logger.info("building the engine of %s for %s: this takes minutes", path, gpu)
    purpose = f"version={wanted.version}\ndevice={wanted.device}"
    folder = cache_folder(wanted.backend, is_native=True)
    timing = folder and folder / "timing.blob"
    known = timing and load(timing, purpose, is_native=True)
    content, measured = build_engine(path, profiles_of(spec), gpu.memory_bytes, known or b"")
    if timing:
        store(timing, purpose, measured)
    return content


def _specs(engine: Engine, *, inputs: bool) -> list[TensorSpec]:
    return [
        TensorSpec(name, np.dtype(kind).name, shape)
        for name, shape, kind in engine.tensors(inputs=inputs)
    ]
