# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Items of a data set, read in other processes and delivered in order, few in memory at a time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

import cv2

from psg_ros.interrupts import children_ignore_interrupts

Dataset = TypeVar("Dataset")
Item = TypeVar("Item")
Read = Callable[[Dataset, int], Item]

KEPT_ERRORS = (FileNotFoundError, PermissionError, ValueError, MemoryError)
"""Errors that keep their type on the way out of a worker; others become RuntimeError."""


def stream(
    dataset: Dataset,
    indices: Iterable[int],
    read: Read[Dataset, Item],
    workers: int = 2,
    prefetch: int = 16,
) -> Generator[Item, None, None]:
    """Yield `read(dataset, index)` for every index, in the order of `indices`.

    The work is done in `workers` fresh processes, each of which gets the data set once (so it must
    be small: paths and numbers, no pictures). At most `prefetch` items are being read or waiting;
    the item that was yielded is the caller's alone. The processes end with the iterator: when it
    is exhausted, fails, is closed or is no longer referenced.

    Args:
        dataset: anything that can be pickled. Its `image_ids`, where it has them, name the image
            in an error.
        indices: may be endless; taken only as far as they are needed.
        read: a function at the top level of a module; what it returns must be picklable.
        workers: number of processes; 0 reads in this process, one item at a time.
        prefetch: see above; at least 1.

    Raises:
        ValueError: a wrong `workers` or `prefetch`; or what `read` raises. Errors of `read` name
            the image and are of their own type if that is one of `KEPT_ERRORS`.
        RuntimeError: any other error of `read`, or a worker that ended (out of memory; or a script
            that calls this outside of `if __name__ == "__main__"`).
    """
    if workers < 0 or prefetch < 1:
        raise ValueError(
            f"workers must be 0 or more and prefetch 1 or more, not {workers} and {prefetch}"
        )
    if workers == 0:
        return (_read_named(dataset, index, read) for index in indices)
    return _stream_from_pool(dataset, iter(indices), read, workers, prefetch)


def _stream_from_pool(
    dataset: Dataset, indices: Iterator[int], read: Read[Dataset, Item], workers: int, prefetch: int
) -> Generator[Item, None, None]:
    # Spawned, not forked: the threads of OpenMP and of a GPU do not survive a fork.
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _open_worker, (dataset, read)
    )
    try:
        waiting: deque[Future] = deque(_submit(pool, index) for index in islice(indices, prefetch))
        while waiting:
            # `result` leaves no reference behind here: what the caller drops is gone.
            item = [waiting.popleft().result()]
            waiting.extend(_submit(pool, index) for index in islice(indices, 1))
            yield item.pop()
    except BrokenProcessPool as error:
        raise RuntimeError(
            "a process that reads the data set ended; is memory low, or does a script read "
            'data outside of `if __name__ == "__main__"`?'
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, index: int) -> Future:
    """Start one task and, at first, the processes."""
    with children_ignore_interrupts():
        return pool.submit(_read_in_worker, index)


# What a worker process reads from; empty in the process of the caller.
_worker: dict[str, Any] = {}


def _open_worker(dataset: Any, read: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _worker.update(dataset=dataset, read=read)


def _end_with_parent() -> None:
    """A caller that was killed cannot end its workers, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read_in_worker(index: int) -> Any:
    return _read_named(_worker["dataset"], index, _worker["read"])


def _read_named(dataset: Dataset, index: int, read: Read[Dataset, Item]) -> Item:
    """Return one item; an error names the image."""
    try:
        return read(dataset, index)
    except Exception as error:
        # Rebuilt from its text: an error of any class might not survive the way to the caller.
        kind = next((k for k in KEPT_ERRORS if isinstance(error, k)), None)
        text = str(error) if kind else f"{type(error).__name__}: {error}"
        raise (kind or RuntimeError)(_with_name(dataset, index, text)) from error


def _with_name(dataset: Any, index: int, text: str) -> str:
    ids = getattr(dataset, "image_ids", None)
    name = f"item {index}" if ids is None else f"image {ids[index]}"
    return text if text.startswith(name) else f"{name}: {text}"
