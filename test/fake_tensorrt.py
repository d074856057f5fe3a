# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT without a GPU: an engine is the ONNX file, which ONNX Runtime computes on a fake GPU.

It has the members that the package uses and fails on all others; test_tensorrt_names.py says that
the real bindings have them. It checks what TensorRT checks or leaves undefined: order of calls,
shapes within the profile, addresses within allocations, the size of each output, and of a network
in eight bits what `psg_ros.network.tensorrt_quantization` knows of its parser and its builder.
"""

from __future__ import annotations

import enum
import json
import types
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from fake_cuda import Gpu, Strict, UnknownCall

MAGIC = b"FAKE"
NUMPY = {
    "tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}  # fmt: skip


class _Severity(enum.IntEnum):
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class HostMemory(bytes):
    """What the real library gives as IHostMemory, which is a buffer, too."""


def quantized_kinds(content: bytes) -> set[str]:
    """Return the 8-bit types of a network: "INT8", "FLOAT8E4M3FN", both or none.

    Raises:
        UnknownCall: the real parser would not take it, or build something slow.
    """
    if b"QuantizeLinear" not in content:
        return set()
    import onnx

    from psg_ros.network.tensorrt_check import check_network

    network = onnx.shape_inference.infer_shapes(
        onnx.load_model_from_string(content), data_prop=True
    )
    if refusals := list(check_network(network)):
        raise UnknownCall(f"a network that TensorRT refuses: {refusals}")
    small = {onnx.TensorProto.INT8, onnx.TensorProto.FLOAT8E4M3FN}
    types = {tensor.data_type for tensor in network.graph.initializer}
    return {onnx.TensorProto.DataType.Name(kind) for kind in types & small}


def make(gpu: Gpu, version: str = "10.3.0", capability: tuple[int, int] = (8, 7)) -> Any:
    """Return a module to stand for `tensorrt`.

    Its attribute `builds` counts the engines that were built, `refuse` makes the parser refuse,
    `fail` makes the builder fail, `timing_seen` lists the timing caches that it was given, and
    `built_in` the 8-bit types of each network.
    """
    trt: Any = types.ModuleType("tensorrt")
    trt.__version__ = version
    trt.builds, trt.refuse, trt.fail, trt.timing_seen = 0, "", "", []
    trt.built_in = []

    class ILogger(Strict):
        Severity = _Severity

        def __init__(self) -> None:
            pass

    class IProgressMonitor(Strict):
        def __init__(self) -> None:
            pass

    class NetworkDefinitionCreationFlag(enum.IntEnum):
        STRONGLY_TYPED = 1

    class MemoryPoolType(enum.IntEnum):
        WORKSPACE = 0

    class BuilderFlag(enum.IntEnum):
        TF32 = 3

    class TensorIOMode(enum.IntEnum):
        NONE, INPUT, OUTPUT = range(3)

    class Network(Strict):
        def __init__(self) -> None:
            self.onnx = b""

    class ParserError(Strict):
        def __init__(self, text: str) -> None:
            self._text = text

        def desc(self) -> str:
            return self._text

    class OnnxParser(Strict):
        def __init__(self, network: Network, logger: ILogger) -> None:
            if not isinstance(network, Network) or not isinstance(logger, ILogger):
                raise UnknownCall("OnnxParser(network, logger)")
            self._network, self.num_errors = network, 0

        def parse_from_file(self, model: str) -> bool:
            if trt.refuse:
                self.num_errors = 1
                return False
            self._network.onnx = Path(model).read_bytes()
            return True

        def get_error(self, index: int) -> ParserError:
            if not 0 <= index < self.num_errors:
                raise UnknownCall(f"no error {index}")
            return ParserError(trt.refuse)

    class Profile(Strict):
        def __init__(self) -> None:
            self.shapes: dict[str, list] = {}

        def set_shape(self, input: str, min: tuple, opt: tuple, max: tuple) -> None:
            if not all(a <= b <= c for a, b, c in zip(min, opt, max, strict=True)):
                raise UnknownCall(f"profile of {input}: {min} {opt} {max}")
            self.shapes[input] = [list(min), list(opt), list(max)]

    class TimingCache(Strict):
        def __init__(self, content: bytes) -> None:
            self.content = content

        def serialize(self) -> HostMemory:
            return HostMemory(self.content or b"measured")

    class Config(Strict):
        def __init__(self) -> None:
            self.profiles: list[Profile] = []
            self.workspace = 0
            self.progress_monitor: Any = None
            self.timing: TimingCache | None = None
            self.cleared: list[BuilderFlag] = []

        def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
            if pool is not MemoryPoolType.WORKSPACE or type(pool_size) is not int:
                raise UnknownCall(f"set_memory_pool_limit({pool}, {pool_size})")
            self.workspace = pool_size

        def clear_flag(self, flag: BuilderFlag) -> None:
            self.cleared.append(BuilderFlag(flag))

        def add_optimization_profile(self, profile: Profile) -> int:
            self.profiles.append(profile)
            return len(self.profiles) - 1

        def create_timing_cache(self, serialized_timing_cache: bytes) -> TimingCache:
            trt.timing_seen.append(bytes(serialized_timing_cache))
            return TimingCache(bytes(serialized_timing_cache))

        def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
            self.timing = cache
            return True

    class Builder(Strict):
        def __init__(self, logger: ILogger) -> None:
            if not gpu.contexts:
                raise UnknownCall("a Builder before the device is current")
            self._logger = logger

        def create_network(self, flags: int) -> Network:
            if flags != 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED:
                raise UnknownCall(f"create_network({flags}): strongly typed and nothing else")
            return Network()

        def create_builder_config(self) -> Config:
            return Config()

        def create_optimization_profile(self) -> Profile:
            return Profile()

        def build_serialized_network(self, network: Network, config: Config) -> HostMemory | None:
            if config.workspace <= 0 or BuilderFlag.TF32 not in config.cleared:
                raise UnknownCall("a build without a limit of memory, or with TF32")
            kinds = quantized_kinds(network.onnx)
            if "FLOAT8E4M3FN" in kinds and capability < (8, 9):
                raise UnknownCall("Networks with FP8 Q/DQ layers require hardware with FP8 support")
            trt.built_in.append(kinds)
            if trt.fail:
                self._logger.log(_Severity.ERROR, trt.fail)
                return None
            monitor, steps = config.progress_monitor, 4
            monitor.phase_start("Building Engine", None, steps)
            for step in range(steps):
                monitor.phase_start("Tactics", "Building Engine", 1)
                assert monitor.step_complete("Tactics", 0)
                monitor.phase_finish("Tactics")
                assert monitor.step_complete("Building Engine", step)
            monitor.phase_finish("Building Engine")
            trt.builds += 1
            facts = {"version": version, "profiles": [p.shapes for p in config.profiles]}
            head = json.dumps(facts).encode()
            return HostMemory(MAGIC + len(head).to_bytes(4, "big") + head + network.onnx)

    class Engine(Strict):
        def __init__(self, content: bytes) -> None:
            size = int.from_bytes(content[4:8], "big")
            self._content = content
            self.profiles = json.loads(content[8 : 8 + size])["profiles"]
            options = onnxruntime.SessionOptions()  # as written, as an engine is
            options.add_session_config_entry("session.disable_quant_qdq", "1")
            self.session = onnxruntime.InferenceSession(
                content[8 + size :], options, providers=["CPUExecutionProvider"]
            )
            self.inputs = {tensor.name: tensor for tensor in self.session.get_inputs()}
            self.outputs = {tensor.name: tensor for tensor in self.session.get_outputs()}
            self._all = {**self.inputs, **self.outputs}
            self.num_io_tensors = len(self._all)
            free = {n for n, t in self.inputs.items() if any(isinstance(d, str) for d in t.shape)}
            for profile in self.profiles or [{}]:
                if free != set(profile):
                    raise UnknownCall(f"free axes in {free}, profiles for {set(profile)}")

        def serialize(self) -> HostMemory:
            return HostMemory(self._content)

        def get_tensor_name(self, index: int) -> str:
            return list(self._all)[index]

        def get_tensor_mode(self, name: str) -> TensorIOMode:
            return TensorIOMode.INPUT if name in self.inputs else TensorIOMode.OUTPUT

        def get_tensor_dtype(self, name: str) -> str:
            return self._all[name].type

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            return tuple(d if isinstance(d, int) else -1 for d in self._all[name].shape)

        def create_execution_context(self) -> Context:
            return Context(self)

    class Context(Strict):
        def __init__(self, engine: Engine) -> None:
            self._engine, self._profile = engine, 0
            self._shapes: dict[str, tuple] = {}
            self._addresses: dict[str, int] = {}

        def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool:
            if not 0 <= profile_index < len(self._engine.profiles):
                raise UnknownCall(f"no profile {profile_index}")
            self._profile = profile_index
            return True

        def set_input_shape(self, name: str, shape: tuple) -> bool:
            declared = self._engine.get_tensor_shape(name)
            if name not in self._engine.inputs or len(shape) != len(declared):
                raise UnknownCall(f"set_input_shape({name}, {shape})")
            if -1 in declared:
                least, _, most = self._engine.profiles[self._profile][name]
                return_value = all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True))
                if not return_value:
                    return False
            elif tuple(shape) != declared:
                return False
            self._shapes[name] = tuple(shape)
            return True

        def set_tensor_address(self, name: str, memory: int) -> bool:
            if name not in self._engine._all or type(memory) is not int:
                raise UnknownCall(f"set_tensor_address({name}, {memory!r})")
            self._addresses[name] = memory
            return True

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            if name in self._engine.inputs:
                return self._shapes[name]
            if self._shapes.keys() != self._engine.inputs.keys():
                raise UnknownCall("the shape of an output before those of all inputs")
            sizes = {}
            for key, tensor in self._engine.inputs.items():
                sizes |= dict(zip(tensor.shape, self._shapes[key], strict=True))
            return tuple(sizes.get(d, d) for d in self._engine.outputs[name].shape)

        def execute_async_v3(self, stream_handle: int) -> bool:
            if self._addresses.keys() != self._engine._all.keys():
                raise UnknownCall("not every tensor has an address")
            inputs, outputs = dict(self._shapes), {}
            places = dict(self._addresses)
            for name in self._engine.outputs:
                outputs[name] = self.get_tensor_shape(name)

            def memory(name: str, shape: tuple) -> np.ndarray:
                kind = np.dtype(NUMPY[self._engine._all[name].type])
                size = int(np.prod(shape)) * kind.itemsize
                return gpu.bytes_at(places[name], size, "device").view(kind).reshape(shape)

            arrays = {name: memory(name, shape) for name, shape in inputs.items()}
            targets = {name: memory(name, shape) for name, shape in outputs.items()}

            def compute() -> None:
                results = self._engine.session.run(list(targets), arrays)
                for target, result in zip(targets.values(), results, strict=True):
                    np.copyto(target, result)

            gpu.enqueue(stream_handle, "execute", compute)
            return True

    class Runtime(Strict):
        def __init__(self, logger: ILogger) -> None:
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine: bytes) -> Engine | None:
            content = bytes(serialized_engine)
            if not content.startswith(MAGIC):
                raise UnknownCall("bytes that are no engine reached TensorRT")
            size = int.from_bytes(content[4:8], "big")
            if json.loads(content[8 : 8 + size])["version"] != version:
                self._logger.log(_Severity.ERROR, "the engine is of another version")
                return None
            return Engine(content)

    for member in (
        Builder, BuilderFlag, ILogger, IProgressMonitor, MemoryPoolType,
        NetworkDefinitionCreationFlag, OnnxParser, Runtime, TensorIOMode,
    ):  # fmt: skip
        setattr(trt, member.__name__, member)
    trt.nptype = lambda kind: NUMPY[kind]

    def unknown(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownCall(f"tensorrt has no {name}")

    trt.__getattr__ = unknown
    return trt
