# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines: built from an ONNX file on the GPU they are for, and restored from the cache.

Networks are strongly typed: they compute in the types that their file names. That is one way for
TensorRT 10.3 to 11, which has no other. To restore an engine is to run what is in it, so its bytes
come from `compiled_cache` alone, which has checked who wrote them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import tensorrt as trt

from psg_ros.robot.runtime.refusals import DeviceUnavailable
from psg_ros.robot.runtime.tensorrt.messages import Log, Progress
from psg_ros.robot.runtime.tensorrt.profiles import Profile

logger = logging.getLogger(__name__)

WORKSPACE_SHARE = 0.5
"""Of the GPU's memory, what a layer may use at most while it runs."""

CHECK = "psg build-engine MODEL --check names what TensorRT does not take, without a GPU"


def build_engine(
    path: Path, profiles: list[Profile], memory_bytes: int, timing: bytes | memoryview = b""
) -> tuple[Any, bytes]:
    """Return a serialized engine (a buffer) and what was measured on the way, for the next build.

    Args:
        memory_bytes: of the GPU.
        timing: what an earlier build measured.

    Raises:
        ValueError: TensorRT does not take the file.
        DeviceUnavailable: it takes the file, but cannot build for this GPU.
    """
    log = Log()
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(path)):
        reasons = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        why = "; ".join(dict.fromkeys(reasons)) or log.why()
        raise ValueError(
            f"{path} cannot be loaded: TensorRT {trt.__version__} does not take it ({why}); {CHECK}"
        )
    config = builder.create_builder_config()
    workspace = int(memory_bytes * WORKSPACE_SHARE)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    config.clear_flag(trt.BuilderFlag.TF32)  # fp32 means fp32, not the 10 bits of tensor cores
    config.progress_monitor = Progress(f"building the engine of {path.name}", logger.info)
    for profile in profiles:
        shapes = builder.create_optimization_profile()
        for name, most in profile.most.items():
            shapes.set_shape(name, profile.least[name], profile.best[name], most)
        config.add_optimization_profile(shapes)
    measured = config.create_timing_cache(timing)
    config.set_timing_cache(measured, ignore_mismatch=False)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise DeviceUnavailable(
            f"TensorRT {trt.__version__} cannot build an engine of {path} here: {log.why()}; close "
            "what else uses the GPU, or choose another backend"
        )
    return engine, bytes(memoryview(measured.serialize()))


class Engine:
    """An engine that can run: the runtime it needs, and one context for each profile."""

    def __init__(self, content: bytes | memoryview) -> None:
        """Restore an engine.

        Raises:
            ValueError: TensorRT does not take it.
        """
        self.log = Log()
        self._runtime: Any = trt.Runtime(self.log)
        self._engine: Any = self._runtime.deserialize_cuda_engine(content)
        if self._engine is None:
            raise ValueError(f"TensorRT {trt.__version__} does not take it: {self.log.why()}")
        self._contexts: dict[int, Any] = {}

    def serialize(self) -> memoryview:
        """Return the bytes that the next start restores."""
        return memoryview(self._engine.serialize())

    def tensors(self, *, inputs: bool) -> list[tuple[str, tuple[int, ...], Any]]:
        """Return name, shape and numpy type of the inputs or of the outputs; -1 is a free axis."""
        engine = self._engine
        mode = trt.TensorIOMode.INPUT if inputs else trt.TensorIOMode.OUTPUT
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        return [
            (name, tuple(engine.get_tensor_shape(name)), trt.nptype(engine.get_tensor_dtype(name)))
            for name in names
            if engine.get_tensor_mode(name) == mode
        ]

    def context(self, profile: int, stream: int) -> Any:
        """Return the context of a profile, made at its first use.

        Raises:
            DeviceUnavailable: there is not enough memory for it.
        """
        if profile not in self._contexts:
            context = self._engine.create_execution_context()
            if context is None:
                raise DeviceUnavailable(
                    f"the GPU has no memory for another context: {self.log.why()}; close what else "
                    "uses it, or choose another backend"
                )
            if profile:
                context.set_optimization_profile_async(profile, stream)
            self._contexts[profile] = context
        return self._contexts[profile]

    def close(self) -> None:
        """Release all; contexts go first, the runtime last."""
        self._contexts.clear()
        self._engine = self._runtime = None
