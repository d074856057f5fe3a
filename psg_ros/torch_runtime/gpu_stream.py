# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is asked of a GPU beside arithmetic: memory, copies, and work that is recorded once.

This is all that a test needs to replace to run `captured_frame` on a machine without a GPU.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import torch

logger = logging.getLogger(__name__)

WARM_UP = 3
"""Calls before the recording: libraries choose their kernels and take their memory in them."""

Work = Callable[[], None]
"""Writes into tensors that never move."""


class GpuStream(Protocol):
    """One stream: what is enqueued is done in order, and only `wait` waits for it.

    Attributes:
        device: torch's name of it, as `cuda:0`.
    """

    device: str

    def here(self, size: int) -> torch.Tensor:
        """Return uint8 [size] on the host, which the device copies from and to on its own."""
        ...

    def there(self, size: int) -> torch.Tensor:
        """Return uint8 [size] on the device."""
        ...

    def copy(self, target: torch.Tensor, source: torch.Tensor) -> None:
        """Enqueue a copy; neither may be touched before `wait`."""
        ...

    def record(self, work: Work) -> Work:
        """Run work, then return what enqueues all of it at once, for any number of times.

        Raises:
            torch.OutOfMemoryError: the device has no room for it.
        """
        ...

    def wait(self) -> None:
        """Return once everything enqueued is done.

        Raises:
            RuntimeError: something of it failed.
        """
        ...


class CudaStream:
    """See `GpuStream`; recorded work is a CUDA graph."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._stream: Any = torch.cuda.Stream(device)
        # Graphs run one after the other and leave nothing behind, so they may share their memory.
        self._pool: Any = torch.cuda.graph_pool_handle()

    def here(self, size: int) -> torch.Tensor:
        """See `GpuStream.here`."""
        return torch.zeros(size, dtype=torch.uint8, pin_memory=True)

    def there(self, size: int) -> torch.Tensor:
        """See `GpuStream.there`."""
        memory = torch.zeros(size, dtype=torch.uint8, device=self.device)
        torch.cuda.synchronize(self.device)  # it was cleared on another stream
        return memory

    def copy(self, target: torch.Tensor, source: torch.Tensor) -> None:
        """See `GpuStream.copy`."""
        with torch.cuda.stream(self._stream):
            target.copy_(source, non_blocking=True)

    def record(self, work: Work) -> Work:
        """See `GpuStream.record`.

        Where capturing is not permitted, the work is enqueued step by step, and a warning says so.
        """
        # The weights may have come by another stream.
        torch.cuda.synchronize(self.device)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UP):
                work()
        self.wait()
        try:
            return self._captured(work)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            logger.warning(
                "a frame on %s runs kernel by kernel, which is slower: capturing it as one graph "
                "failed (%s)",
                self.device,
                " ".join(str(error).split()),
            )
        return lambda: self._enqueue(work)

    def wait(self) -> None:
        """See `GpuStream.wait`."""
        self._stream.synchronize()

    def _captured(self, work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        # Other threads, those of other cameras say, may use the GPU meanwhile.
        with torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            work()
        return lambda: self._enqueue(graph.replay)

    def _enqueue(self, work: Work) -> None:
        with torch.cuda.stream(self._stream):
            work()
