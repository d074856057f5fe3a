# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is asked of a GPU: memory, copies, kernels, graphs, and one stream that orders them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class CapturedWork:
    """Work that one call enqueues.

    Attributes:
        enqueue: all of it.
        free: give its memory back; nothing of it may be enqueued then.
    """

    enqueue: Callable[[], None]
    free: Callable[[], None]


class CudaDevice(Protocol):
    """One GPU and one stream. Work is enqueued in order; only `synchronize` waits.

    A second stream, beside the first, copies ahead; an event says when a copy is done.

    Attributes:
        library: what reaches it, for reports.
        stream: handle, as TensorRT takes it.
    """

    library: str
    stream: int

    def current(self) -> Any:
        """Return a context manager in which this thread may use the device."""
        ...

    def allocate(self, size: int) -> int:
        """Return the address of `size` bytes on the device; `release` frees them all."""
        ...

    def pinned(self, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
        """Return an array in memory that the device copies from and to on its own."""
        ...

    def upload(self, address: int, array: np.ndarray) -> None:
        """Enqueue a copy of a pinned array to the device."""
        ...

    def download(self, array: np.ndarray, address: int) -> None:
        """Enqueue a copy from the device into a pinned array."""
        ...

    def event(self) -> Any:
        """Return a new event."""
        ...

    def upload_ahead(self, address: int, array: np.ndarray, done: Any) -> None:
        """Enqueue a copy of a pinned array on the stream beside, then the event `done`."""
        ...

    def wait_for(self, event: Any) -> None:
        """Have the stream wait for an event; the host does not."""
        ...

    def load(self, code: bytes, names: Sequence[str]) -> dict[str, Any]:
        """Return kernels of compiled code by their names."""
        ...

    def launch(self, kernel: Any, threads: int, arguments: Sequence[np.generic]) -> None:
        """Enqueue a kernel of at least so many threads: addresses are uintp, all else 32 bit."""
        ...

    def capture(self, enqueue: Callable[[], None]) -> CapturedWork | None:
        """Record what `enqueue` does, which is not done yet; None: not possible."""
        ...

    def synchronize(self) -> None:
        """Wait for all that was enqueued."""
        ...

    def release(self) -> None:
        """Free everything; may be called twice."""
        ...


BLOCK = 128
"""Threads of a kernel that run together."""


def num_blocks(threads: int) -> int:
    """Return how many blocks have so many threads."""
    return max(-(-threads // BLOCK), 1)
