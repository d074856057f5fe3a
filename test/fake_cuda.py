# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A GPU in the memory of the host, as cuda-python and as pycuda: what it does not know is an error.

It is stricter than a real one. Nothing happens before a stream is synchronized, so that who does
not wait reads what was there before. Copies must stay within one allocation, host memory must be
pinned, and every call but the first few needs a current context. Kernels are run by g++ on that
memory: what they write beside an allocation is found out.
"""

from __future__ import annotations

import ctypes
import enum
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from kernels_on_cpu import BLOCK, kernel_types, library_of

GUARD = 64
NEVER_ZERO_BY_LUCK = 0xA5
CUBIN = b"\x7fELF of "


class UnknownCall(BaseException):
    """Something was called that the fake does not have, or in a way that a GPU would punish.

    No Exception, so that nothing takes it for an error of the device.
    """


class Strict:
    """An object that knows its own members and no others."""

    def __getattr__(self, name: str) -> Any:
        raise UnknownCall(f"{type(self).__name__} has no {name}")


class Gpu:
    """Memory, streams and contexts; one for a test.

    Attributes:
        calls: names of what was done, in order.
        fail_at: name of a call that shall fail from now on.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fail_at = ""
        self.contexts: list[object] = []
        self._memory: dict[int, tuple[Any, int, str]] = {}
        self._streams: dict[int, list[Callable[[], None]]] = {}
        self._recording: dict[int, list[Callable[[], None]]] = {}

    def allocate(self, size: int, kind: str) -> int:
        self.note(f"allocate {kind}")
        if size <= 0:
            raise UnknownCall(f"{size} bytes cannot be allocated")
        memory = (ctypes.c_uint8 * (size + GUARD))()
        np.frombuffer(memory, np.uint8)[:] = NEVER_ZERO_BY_LUCK
        address = ctypes.addressof(memory)
        self._memory[address] = (memory, size, kind)
        return address

    def free(self, address: int, kind: str) -> None:
        self.note(f"free {kind}")
        if self._memory.pop(address, (None, 0, ""))[2] != kind:
            raise UnknownCall(f"no {kind} memory to free at {address}")

    def bytes_at(self, address: int, size: int, kind: str) -> np.ndarray:
        """Return memory that lies within one allocation of a kind."""
        for start, (memory, length, found) in self._memory.items():
            if start <= address and address + size <= start + length:
                if found != kind:
                    raise UnknownCall(f"{kind} memory was expected, not {found}")
                return np.frombuffer(memory, np.uint8)[address - start :][:size]
        raise UnknownCall(f"{size} bytes of {kind} at {address} are in no allocation")

    def num_allocations(self) -> int:
        return len(self._memory)

    def make_stream(self) -> int:
        self.note("make stream")
        number = 0x5000 + len(self._streams)
        self._streams[number] = []
        return number

    def enqueue(self, stream: int, what: str, work: Callable[[], None]) -> None:
        self.note(what)
        if stream not in self._streams:
            raise UnknownCall(f"no stream {stream}")
        self._recording.get(stream, self._streams[stream]).append(work)

    def begin_capture(self, stream: int) -> None:
        self.note("begin capture")
        self._recording[stream] = []

    def end_capture(self, stream: int) -> list[Callable[[], None]]:
        self.note("end capture")
        return self._recording.pop(stream)

    def synchronize(self, stream: int) -> None:
        self.note("synchronize")
        if stream in self._recording:
            raise UnknownCall("a stream that is captured cannot be waited for")
        works, self._streams[stream] = self._streams[stream], []
        for work in works:
            work()
        for memory, size, kind in self._memory.values():
            if (np.frombuffer(memory, np.uint8)[size:] != NEVER_ZERO_BY_LUCK).any():
                raise UnknownCall(f"something was written behind {size} bytes of {kind}")

    def make_event(self) -> Event:
        self.note("make event")
        return Event()

    def record(self, event: Event, stream: int) -> None:
        """Let an event stand for all that a stream was given so far."""
        event.stream, event.reached = stream, lambda: None
        self.enqueue(stream, "record", event.reached)

    def wait_for(self, stream: int, event: Event) -> None:
        if event.stream is None:
            raise UnknownCall("a stream waits for an event that nobody recorded")
        self.enqueue(stream, "wait for event", lambda: self._catch_up(event))

    def _catch_up(self, event: Event) -> None:
        """Do what the other stream has before an event, and no more of it."""
        assert event.stream is not None
        works = self._streams[event.stream]
        while event.reached in works:
            works.pop(0)()

    def load(self, code: bytes) -> str:
        self.note("load module")
        if not code.startswith(CUBIN):
            raise UnknownCall("no compiled code is loaded")
        return code[len(CUBIN) :].decode()

    def launch(self, stream: int, kernel: Kernel, blocks: int, block: int, values: list) -> None:
        types = kernel_types(kernel.source)[kernel.name]
        if len(types) != len(values):
            raise UnknownCall(f"{kernel.name} takes {len(types)} arguments, not {len(values)}")
        for kind, value in zip(types, values, strict=True):
            if kind is ctypes.c_void_p:
                self.bytes_at(value, 1, "device")
        given = [kind(value) for kind, value in zip(types, values, strict=True)]
        threads = ctypes.c_int(-(-blocks * block // BLOCK))
        run = getattr(library_of(kernel.source), f"on_cpu_{kernel.name}")
        self.enqueue(stream, f"launch {kernel.name}", lambda: run(threads, *given))

    def copy_up(self, stream: int, device: int, host: int, size: int) -> None:
        target = self.bytes_at(device, size, "device")
        source = self.bytes_at(host, size, "pinned")
        self.enqueue(stream, "upload", lambda: np.copyto(target, source))

    def copy_down(self, stream: int, host: int, device: int, size: int) -> None:
        target = self.bytes_at(host, size, "pinned")
        source = self.bytes_at(device, size, "device")
        self.enqueue(stream, "download", lambda: np.copyto(target, source))

    def note(self, what: str) -> None:
        if not self.contexts:
            raise UnknownCall(f"{what}: no context is current")
        self.calls.append(what)
        if what == self.fail_at:
            raise Failure(what)


class Event:
    """A place in the work of a stream."""

    def __init__(self) -> None:
        self.stream: int | None = None
        self.reached: Callable[[], None] | None = None


@dataclass(frozen=True)
class Kernel:
    """A function of a loaded module."""

    source: str
    name: str


class Failure(Exception):
    """The device fails, as told."""


class CUresult(enum.IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_LAUNCH_FAILED = 719


class CUstream_flags(enum.IntEnum):
    CU_STREAM_NON_BLOCKING = 1


class CUevent_flags(enum.IntEnum):
    CU_EVENT_DISABLE_TIMING = 2


class CUstreamCaptureMode(enum.IntEnum):
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1


class CudaPython(Strict):
    """`cuda.bindings.driver`: every call returns a tuple that starts with an error."""

    CUstream_flags, CUstreamCaptureMode = CUstream_flags, CUstreamCaptureMode
    CUevent_flags = CUevent_flags

    def __init__(self, gpu: Gpu) -> None:
        self._gpu, self._retained = gpu, 0

    def _do(self, work: Callable[..., Any], *arguments: Any) -> tuple:
        try:
            result = work(*arguments)
        except Failure:
            return (CUresult.CUDA_ERROR_LAUNCH_FAILED, None)
        return (CUresult.CUDA_SUCCESS,) if result is None else (CUresult.CUDA_SUCCESS, result)

    def cuInit(self, flags):
        return (CUresult.CUDA_SUCCESS,)

    def cuDeviceGet(self, index):
        return (CUresult.CUDA_SUCCESS, index)

    def cuDevicePrimaryCtxRetain(self, device):
        self._retained += 1
        return (CUresult.CUDA_SUCCESS, f"primary of {device}")

    def cuDevicePrimaryCtxRelease(self, device):
        if not self._retained:
            raise UnknownCall("a context is released that nobody retained")
        self._retained -= 1
        return (CUresult.CUDA_SUCCESS,)

    def cuCtxPushCurrent(self, context):
        self._gpu.contexts.append(context)
        return (CUresult.CUDA_SUCCESS,)

    def cuCtxPopCurrent(self):
        return (CUresult.CUDA_SUCCESS, self._gpu.contexts.pop())

    def cuStreamCreate(self, flags):
        return self._do(self._gpu.make_stream)

    def cuStreamDestroy(self, stream):
        return self._do(self._gpu.note, "destroy stream")

    def cuStreamSynchronize(self, stream):
        return self._do(self._gpu.synchronize, stream)

    def cuStreamBeginCapture(self, stream, mode):
        return self._do(self._gpu.begin_capture, stream)

    def cuStreamEndCapture(self, stream):
        return self._do(self._gpu.end_capture, stream)

    def cuGraphInstantiate(self, graph, flags):
        return (CUresult.CUDA_SUCCESS, tuple(graph))

    def cuGraphDestroy(self, graph):
        return (CUresult.CUDA_SUCCESS,)

    def cuGraphExecDestroy(self, graph):
        return self._do(self._gpu.note, "free graph")

    def cuGraphLaunch(self, graph, stream):
        return self._do(
            self._gpu.enqueue, stream, "launch graph", lambda: [work() for work in graph]
        )

    def cuMemAlloc(self, size):
        return self._do(self._gpu.allocate, size, "device")

    def cuMemFree(self, address):
        return self._do(self._gpu.free, address, "device")

    def cuMemHostAlloc(self, size, flags):
        return self._do(self._gpu.allocate, size, "pinned")

    def cuMemFreeHost(self, address):
        return self._do(self._gpu.free, address, "pinned")

    def cuMemcpyHtoDAsync(self, device, host, size, stream):
        return self._do(self._gpu.copy_up, stream, device, host, size)

    def cuMemcpyDtoHAsync(self, host, device, size, stream):
        return self._do(self._gpu.copy_down, stream, host, device, size)

    def cuEventCreate(self, flags):
        return self._do(self._gpu.make_event)

    def cuEventDestroy(self, event):
        return (CUresult.CUDA_SUCCESS,)

    def cuEventRecord(self, event, stream):
        return self._do(self._gpu.record, event, stream)

    def cuStreamWaitEvent(self, stream, event, flags):
        return self._do(self._gpu.wait_for, stream, event)

    def cuModuleLoadData(self, image):
        return self._do(self._gpu.load, image)

    def cuModuleUnload(self, module):
        return (CUresult.CUDA_SUCCESS,)

    def cuModuleGetFunction(self, module, name):
        return self._do(Kernel, module, name.decode())

    def cuLaunchKernel(self, kernel, gx, gy, gz, bx, by, bz, shared, stream, params, extra):
        values, types = params
        if (gy, gz, by, bz, shared, extra) != (1, 1, 1, 1, 0, 0):
            raise UnknownCall("launched in more than one dimension")
        if list(types) != kernel_types(kernel.source)[kernel.name]:
            raise UnknownCall(f"{kernel.name} takes other types than {types}")
        return self._do(self._gpu.launch, stream, kernel, gx, bx, list(values))


class Nvrtc(Strict):
    """`cuda.bindings.nvrtc`: what it compiles is the source, for g++."""

    def nvrtcCreateProgram(self, source, name, count, headers, names):
        return (CUresult.CUDA_SUCCESS, [source])

    def nvrtcCompileProgram(self, program, count, options):
        if len(options) != count or b"--fmad=false" not in options:
            raise UnknownCall(f"{count} options: {options}")
        return (CUresult.CUDA_SUCCESS,)

    def nvrtcGetCUBINSize(self, program):
        return (CUresult.CUDA_SUCCESS, len(CUBIN + program[0]))

    def nvrtcGetCUBIN(self, program, code):
        code[:] = CUBIN + program[0]
        return (CUresult.CUDA_SUCCESS,)

    def nvrtcDestroyProgram(self, program):
        return (CUresult.CUDA_SUCCESS,)


class PyCuda(Strict):
    """`pycuda.driver`: objects that free themselves, and exceptions."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        fake = self

        class Stream(Strict):
            def __init__(self) -> None:
                self.handle = gpu.make_stream()

            def synchronize(self) -> None:
                gpu.synchronize(self.handle)

            def wait_for_event(self, event: _Event) -> None:
                gpu.wait_for(self.handle, event.event)

        class _Event(Strict):
            def __init__(self, flags: int) -> None:
                self.event = gpu.make_event()

            def record(self, stream: Stream) -> None:
                gpu.record(self.event, stream.handle)

        class Module(Strict):
            def __init__(self, code: bytes) -> None:
                self._source = gpu.load(code)

            def get_function(self, name: str) -> Callable[..., None]:
                kernel = Kernel(self._source, name)

                def call(*arguments, grid, block, stream):
                    if grid[1:] != (1,) or block[1:] != (1, 1):
                        raise UnknownCall("launched in more than one dimension")
                    names = [ctypes.c_void_p, ctypes.c_int, ctypes.c_float]
                    kinds = dict(zip("Lif", names, strict=True))
                    if [kinds[a.dtype.char] for a in arguments] != kernel_types(kernel.source)[
                        name
                    ]:
                        raise UnknownCall(f"{name} takes other types")
                    values = [a.item() for a in arguments]
                    gpu.launch(stream.handle, kernel, grid[0], block[0], values)

                return call

        class Allocation(Strict):
            def __init__(self, size: int) -> None:
                self._address = gpu.allocate(size, "device")

            def __int__(self) -> int:
                return self._address

            def free(self) -> None:
                gpu.free(self._address, "device")

        class Context(Strict):
            def __init__(self, device: int) -> None:
                self._device, self._attached = device, True

            def push(self) -> None:
                gpu.contexts.append(self)

            @staticmethod
            def pop() -> None:
                gpu.contexts.pop()

            def detach(self) -> None:
                if not self._attached:
                    raise UnknownCall("detached twice")
                self._attached = False

        class Device(Strict):
            def __init__(self, index: int) -> None:
                if not fake._initialised:
                    raise UnknownCall("pycuda.driver.init() comes first")
                self._index = index

            def retain_primary_context(self) -> Context:
                return Context(self._index)

        self.Stream, self.Context, self.Device = Stream, Context, Device
        self.Event, self.module_from_buffer = _Event, Module
        self.event_flags = types.SimpleNamespace(DISABLE_TIMING=2)
        self._Allocation, self._initialised = Allocation, False

    def init(self):
        self._initialised = True

    def mem_alloc(self, size):
        return self._Allocation(size)

    def pagelocked_empty(self, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = (ctypes.c_uint8 * size).from_address(self._gpu.allocate(size, "pinned"))
        return np.frombuffer(memory, dtype).reshape(shape)

    def memcpy_htod_async(self, dest, src, stream):
        self._gpu.copy_up(stream.handle, dest, src.ctypes.data, src.nbytes)

    def memcpy_dtoh_async(self, dest, src, stream):
        self._gpu.copy_down(stream.handle, dest.ctypes.data, src, dest.nbytes)


def modules(gpu: Gpu, library: str) -> dict[str, Any]:
    """Return what to put into `sys.modules` for one of the two libraries."""
    top = types.ModuleType(library)
    if library == "pycuda":
        top.driver = PyCuda(gpu)  # type: ignore[attr-defined]
        return {"pycuda": top, "pycuda.driver": top.driver}
    bindings = types.ModuleType("cuda.bindings")
    bindings.driver, bindings.nvrtc = CudaPython(gpu), Nvrtc()  # type: ignore[attr-defined]
    top.bindings = bindings  # type: ignore[attr-defined]
    driver, nvrtc = bindings.driver, bindings.nvrtc
    names = {"cuda.bindings.driver": driver, "cuda.bindings.nvrtc": nvrtc}
    return {"cuda": top, "cuda.bindings": bindings, **names}
