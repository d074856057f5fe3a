# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Memory on the GPU with its twin in pinned memory of the host: made once, grown when it must."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from psg_ros.robot.manifest import TensorSpec
from psg_ros.robot.runtime.tensorrt.cuda_device import CudaDevice

ALIGNMENT = 256
"""Bytes; what TensorRT wants of addresses, and what CUDA gives."""

LEAST_BYTES = 1 << 12


class Twin:
    """A block of bytes in both places; `reserve` may move it."""

    def __init__(self, device: CudaDevice, size: int = 0) -> None:
        self._cuda, self.size, self._allocated = device, 0, 0
        self.address, self.bytes = 0, np.zeros(0, np.uint8)
        if size:
            self._make(size)

    def reserve(self, size: int) -> None:
        """Have at least so many bytes; call it while no work on the block is enqueued.

        What is too small stays allocated: at most as much again, as sizes double.
        """
        if size > self.size:
            self._make(max(LEAST_BYTES, 1 << (size - 1).bit_length()))

    def _make(self, size: int) -> None:
        # Where there is no room in the other place, this one serves the next try.
        if size > self._allocated:
            self.address = self._cuda.allocate(size)
            self._allocated = size
        self.bytes = self._cuda.pinned((size,), np.dtype(np.uint8))
        self.size = size


class Packing:
    """Arrays one after the other in one block, each where its type may begin.

    Args:
        arrays: name -> shape and dtype.
    """

    def __init__(self, arrays: Mapping[str, tuple[Sequence[int], np.dtype]]) -> None:
        self._arrays = {name: (tuple(shape), np.dtype(t)) for name, (shape, t) in arrays.items()}
        self.offsets: dict[str, int] = {}
        self.size = 0
        for name, (shape, dtype) in self._arrays.items():
            self.offsets[name] = self.size
            used = math.prod(shape) * dtype.itemsize
            self.size += -(-max(used, 1) // ALIGNMENT) * ALIGNMENT

    def views(self, block: np.ndarray) -> dict[str, np.ndarray]:
        """Return the arrays that lie in a block of bytes."""
        return {
            name: block[self.offsets[name] :][: math.prod(shape) * dtype.itemsize]
            .view(dtype)
            .reshape(shape)
            for name, (shape, dtype) in self._arrays.items()
        }


class Buffers:
    """Inputs or outputs in one block of memory here and on the GPU, in the order they are given."""

    def __init__(self, device: CudaDevice, tensors: Iterable[TensorSpec]) -> None:
        """Make room for the largest shape of each."""
        ordered = list(tensors)
        self._specs = {tensor.name: tensor for tensor in ordered}
        self._packing = Packing({t.name: (t.greatest, np.dtype(t.dtype)) for t in ordered})
        self.memory = Twin(device, self._packing.size)
        self._host = self._packing.views(self.memory.bytes)

    def __contains__(self, name: str) -> bool:
        return name in self._specs

    def address(self, name: str) -> int:
        """Return where a tensor lies on the GPU."""
        return self.memory.address + self._packing.offsets[name]

    def host(self, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """Return its pinned memory as an array of a shape, the largest by default."""
        if shape is None:
            return self._host[name]
        return self._host[name].reshape(-1)[: math.prod(shape)].reshape(shape)

    def blocks(self, shapes: Mapping[str, tuple[int, ...]]) -> list[tuple[int, np.ndarray]]:
        """Return addresses and pinned bytes of tensors, neighbours as one block."""
        spans: list[list[int]] = []
        follows = False
        for name, spec in self._specs.items():
            if name in shapes:
                first = self._packing.offsets[name]
                last = first + _num_bytes(shapes[name], spec)
                if follows:
                    spans[-1][1] = last
                else:
                    spans.append([first, last])
            # After a shape that is not the largest, the rest would be copied for nothing.
            follows = name in shapes and shapes[name] == spec.greatest
        address, block = self.memory.address, self.memory.bytes
        return [(address + first, block[first:last]) for first, last in spans]


def _num_bytes(shape: tuple[int, ...], spec: TensorSpec) -> int:
    return math.prod(shape) * np.dtype(spec.dtype).itemsize
