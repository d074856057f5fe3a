# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All access to the GPU, behind `cuda_device.CudaDevice`, twice: by pycuda and by cuda-python.

Everything runs in the primary context of the device, which TensorRT uses, too, and on one stream;
only copies ahead of their frame have another. pycuda wraps no graphs: `capture` returns None.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from psg_ros.robot.runtime.tensorrt.cuda_device import (
    BLOCK,
    CapturedWork,
    CudaDevice,
    num_blocks,
)


class PyCudaDevice:
    """By pycuda; see `CudaDevice`."""

    library = "pycuda"

    def __init__(self, index: int) -> None:
        import pycuda.driver as driver

        driver.init()
        self._driver = driver
        self._context: Any = driver.Device(index).retain_primary_context()
        self._memory: list[Any] = []
        with self.current():
            self._stream, self._ahead = driver.Stream(), driver.Stream()
        self.stream = int(self._stream.handle)

    @contextmanager
    def current(self) -> Iterator[None]:
        self._context.push()
        try:
            yield
        finally:
            self._driver.Context.pop()

    def allocate(self, size: int) -> int:
        self._memory.append(self._driver.mem_alloc(size))
        return int(self._memory[-1])

    def pinned(self, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
        return self._driver.pagelocked_empty(tuple(shape), dtype)

    def upload(self, address: int, array: np.ndarray) -> None:
        self._driver.memcpy_htod_async(address, array, self._stream)

    def download(self, array: np.ndarray, address: int) -> None:
        self._driver.memcpy_dtoh_async(array, address, self._stream)

    def event(self) -> Any:
        return self._driver.Event(self._driver.event_flags.DISABLE_TIMING)

    def upload_ahead(self, address: int, array: np.ndarray, done: Any) -> None:
        self._driver.memcpy_htod_async(address, array, self._ahead)
        done.record(self._ahead)

    def wait_for(self, event: Any) -> None:
        self._stream.wait_for_event(event)

    def load(self, code: bytes, names: Sequence[str]) -> dict[str, Any]:
        module = self._driver.module_from_buffer(code)
        return {name: module.get_function(name) for name in names}

    def launch(self, kernel: Any, threads: int, arguments: Sequence[np.generic]) -> None:
        shape: dict[str, Any] = {"grid": (num_blocks(threads), 1), "block": (BLOCK, 1, 1)}
        kernel(*arguments, **shape, stream=self._stream)

    def capture(self, enqueue: Callable[[], None]) -> CapturedWork | None:
        return None

    def synchronize(self) -> None:
        self._stream.synchronize()

    def release(self) -> None:
        if self._context is not None:
            with self.current():
                while self._memory:
                    self._memory.pop().free()
            self._context.detach()
            self._context = None


class CudaPythonDevice:
    """By cuda-python, of NVIDIA; see `CudaDevice`."""

    library = "cuda-python"

    def __init__(self, index: int) -> None:
        try:
            from cuda.bindings import driver
        except ImportError:  # before 12.6
            from cuda import cuda as driver
        self._driver = driver
        self._call("cuInit", 0)
        self._device = self._call("cuDeviceGet", index)
        self._context: Any = self._call("cuDevicePrimaryCtxRetain", self._device)
        self._owned: list[tuple[str, Any]] = []
        with self.current():
            apart = driver.CUstream_flags.CU_STREAM_NON_BLOCKING
            self._stream = self._call("cuStreamCreate", apart)
            self._ahead = self._call("cuStreamCreate", apart)
        self.stream = int(self._stream)

    def _call(self, name: str, *arguments: Any) -> Any:
        """Call the driver; its first result is the error, raised as RuntimeError."""
        error, *results = getattr(self._driver, name)(*arguments)
        if int(error):
            raise RuntimeError(f"{name} failed: {error.name}")
        return results[0] if results else None

    @contextmanager
    def current(self) -> Iterator[None]:
        self._call("cuCtxPushCurrent", self._context)
        try:
            yield
        finally:
            self._call("cuCtxPopCurrent")

    def allocate(self, size: int) -> int:
        address = int(self._call("cuMemAlloc", size))
        self._owned.append(("cuMemFree", address))
        return address

    def pinned(self, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
        size = int(np.prod(shape)) * dtype.itemsize
        address = int(self._call("cuMemHostAlloc", max(size, 1), 0))
        self._owned.append(("cuMemFreeHost", address))
        memory = (ctypes.c_uint8 * size).from_address(address)
        return np.ctypeslib.as_array(memory).view(dtype).reshape(shape)

    def upload(self, address: int, array: np.ndarray) -> None:
        self._call("cuMemcpyHtoDAsync", address, array.ctypes.data, array.nbytes, self._stream)

    def download(self, array: np.ndarray, address: int) -> None:
        self._call("cuMemcpyDtoHAsync", array.ctypes.data, address, array.nbytes, self._stream)

    def event(self) -> Any:
        event = self._call("cuEventCreate", self._driver.CUevent_flags.CU_EVENT_DISABLE_TIMING)
        self._owned.append(("cuEventDestroy", event))
        return event

    def upload_ahead(self, address: int, array: np.ndarray, done: Any) -> None:
        self._call("cuMemcpyHtoDAsync", address, array.ctypes.data, array.nbytes, self._ahead)
        self._call("cuEventRecord", done, self._ahead)

    def wait_for(self, event: Any) -> None:
        self._call("cuStreamWaitEvent", self._stream, event, 0)

    def load(self, code: bytes, names: Sequence[str]) -> dict[str, Any]:
        module = self._call("cuModuleLoadData", code)
        self._owned.append(("cuModuleUnload", module))
        return {name: self._call("cuModuleGetFunction", module, name.encode()) for name in names}

    def launch(self, kernel: Any, threads: int, arguments: Sequence[np.generic]) -> None:
        values = tuple(argument.item() for argument in arguments)
        given = (values, tuple(_C_TYPES[argument.dtype.char] for argument in arguments))
        shape = (num_blocks(threads), 1, 1, BLOCK, 1, 1)
        self._call("cuLaunchKernel", kernel, *shape, 0, self._stream, given, 0)

    def capture(self, enqueue: Callable[[], None]) -> CapturedWork | None:
        mode = self._driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call("cuStreamBeginCapture", self._stream, mode)
        try:
            enqueue()
        finally:  # also after an error: until then the stream takes no other work
            graph = self._call("cuStreamEndCapture", self._stream)
        whole = self._call("cuGraphInstantiate", graph, 0)
        self._call("cuGraphDestroy", graph)
        owned = ("cuGraphExecDestroy", whole)
        self._owned.append(owned)
        return CapturedWork(
            lambda: self._call("cuGraphLaunch", whole, self._stream), lambda: self._destroy(owned)
        )

    def _destroy(self, owned: tuple[str, Any]) -> None:
        self._owned.remove(owned)
        self._call(*owned)

    def synchronize(self) -> None:
        self._call("cuStreamSynchronize", self._stream)

    def release(self) -> None:
        if self._context is not None:
            with self.current():
                while self._owned:
                    self._call(*self._owned.pop())
                for stream in (self._stream, self._ahead):
                    self._call("cuStreamDestroy", stream)
            self._call("cuDevicePrimaryCtxRelease", self._device)
            self._context = None


_C_TYPES = {"L": ctypes.c_void_p, "i": ctypes.c_int, "f": ctypes.c_float}  # uintp, int32, float32

DEVICES: dict[str, Callable[[int], CudaDevice]] = {
    "pycuda": PyCudaDevice,
    "cuda": CudaPythonDevice,
}
"""Module of `driver.DEVICE_ACCESS` -> what reaches the GPU with it."""
