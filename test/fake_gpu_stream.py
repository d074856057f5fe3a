# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A GPU stream in the memory of the host, at least as strict as one of CUDA with a captured graph.

Nothing happens before `wait`, so that whoever does not wait reads what was there before. Recorded
work is a list of operators with the memory that each read and wrote: replaying them runs no Python
of the recorded function, and every result goes where it went the first time. What a capture does
not permit is an error, and so is memory that is asked for after the first recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ATEN = torch.ops.aten
ASKS_THE_HOST = {
    ATEN._local_scalar_dense, ATEN.nonzero, ATEN.nonzero_numpy, ATEN.masked_select, ATEN._unique,
    ATEN._unique2, ATEN.unique_consecutive, ATEN.unique_dim, ATEN.equal, ATEN.is_nonzero,
    ATEN.bincount, ATEN.repeat_interleave, ATEN.lift_fresh, ATEN.item,
}  # fmt: skip
"""Operators whose result a host waits for, or that take numbers from it (`torch.tensor`)."""

NEVER_BY_LUCK = 0xA5


class NotPermitted(Exception):
    """A GPU would not do this, or not here."""


class Steps(TorchDispatchMode):
    """Notes every operator that runs, with what it read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[Any, tuple, dict, Any]] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket in ASKS_THE_HOST:
            raise NotPermitted(f"{function} within captured work")
        written = function(*args, **(kwargs or {}))
        self.steps.append((function, args, kwargs or {}, written))
        return written

    @torch.inference_mode()
    def replay(self) -> None:
        """Do it again, into the same memory."""
        for function, args, kwargs, written in self.steps:
            results = tree_leaves(function(*args, **kwargs))
            if function._schema.is_mutable:
                continue
            for old, new in zip(tree_leaves(written), results, strict=True):
                if isinstance(old, torch.Tensor) and not _is_view(old, (args, kwargs)):
                    old.copy_(new)


def _is_view(tensor: torch.Tensor, arguments: Any) -> bool:
    given = (leaf for leaf in tree_leaves(arguments) if isinstance(leaf, torch.Tensor))
    place = tensor.untyped_storage().data_ptr()
    return any(place == other.untyped_storage().data_ptr() for other in given)


class FakeStream:
    """See `psg_ros.torch_runtime.gpu_stream.GpuStream`.

    Attributes:
        calls: names of what was done, in order.
        fails: name of a call -> the error that it raises from now on.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = "cpu"
        self.calls: list[str] = []
        self.fails: dict[str, Exception] = {}
        self._here: list[torch.Tensor] = []
        self._there: list[torch.Tensor] = []
        self._enqueued: list[Callable[[], Any]] = []
        self._is_full = False

    def here(self, size: int) -> torch.Tensor:
        return self._allocate("here", self._here, size)

    def there(self, size: int) -> torch.Tensor:
        return self._allocate("there", self._there, size)

    def copy(self, target: torch.Tensor, source: torch.Tensor) -> None:
        for tensor in (target, source):
            if not any(_is_view(tensor, block) for block in (*self._here, *self._there)):
                raise NotPermitted("memory that the device cannot reach")
        with self._noted("copy"):
            self._enqueued.append(lambda: target.copy_(source))

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        with self._noted("record"):
            if self._enqueued:
                raise NotPermitted("recording while work is under way")
            self._is_full = True
            work()
            with Steps() as recorded:
                work()
        for block in self._there:  # a capture computes nothing
            block.fill_(NEVER_BY_LUCK)

        def enqueue() -> None:
            with self._noted("replay"):
                self._enqueued.append(recorded.replay)

        return enqueue

    def wait(self) -> None:
        with self._noted("wait"):
            works, self._enqueued = self._enqueued, []
            for work in works:
                work()

    def _allocate(self, place: str, blocks: list[torch.Tensor], size: int) -> torch.Tensor:
        if self._is_full:
            raise NotPermitted(f"{size} bytes asked for after the first recording")
        with self._noted(place):
            blocks.append(torch.full((size,), NEVER_BY_LUCK, dtype=torch.uint8))
        return blocks[-1]

    @contextmanager
    def _noted(self, call: str) -> Iterator[None]:
        self.calls.append(call)
        if call in self.fails:
            raise self.fails[call]
        yield
