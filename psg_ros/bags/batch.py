# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several bags, by several processes; a bag that fails costs only itself."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from psg_ros.bags.bag_file import notes_of
from psg_ros.bags.convert import SETTINGS, convert
from psg_ros.bags.job import BagJob, BagResult
from psg_ros.config import PipelineConfig
from psg_ros.files import remove_leftovers
from psg_ros.interrupts import children_ignore_interrupts
from psg_ros.machine import cores
from psg_ros.robot.pipeline import Pipeline

WAIT_S = 0.2  # between two looks at how far the processes are

OnImages = Callable[[int], None]
"""Is told how many more images are done."""


class BagWorker:
    """A loaded model that converts bag after bag; of a process, a Ray actor, or this very program.

    Raises:
        Whatever `Pipeline.open` raises.
    """

    def __init__(self, config: PipelineConfig) -> None:
        self._pipeline = Pipeline.open(config)

    def run(self, job: BagJob, on_image: Callable[[], None] = lambda: None) -> BagResult:
        """Convert one bag; a failure is in the result."""
        try:
            return convert(self._pipeline, job, on_image)
        except (OSError, RuntimeError, ValueError) as error:
            blamed = isinstance(error, ValueError | FileExistsError)
            failure = _words(error)
            return BagResult(job.source, job.target, failure=failure, is_bad_input=blamed)

    def close(self) -> None:
        """Release the model."""
        self._pipeline.close()


def waiting(jobs: Sequence[BagJob]) -> list[BagJob]:
    """Return those that are not done yet.

    Raises:
        FileExistsError: something else lies where a result shall go, or one of other settings.
    """
    return [job for job in jobs if not _is_done(job)]


def convert_all(
    jobs: Sequence[BagJob], config: PipelineConfig, processes: int, on_images: OnImages
) -> Iterator[BagResult]:
    """Yield the results as they come.

    Args:
        processes: how many; 1 works in this one. They share the cores.
    """
    if processes == 1 or len(jobs) <= 1:
        worker = BagWorker(config)
        try:
            for job in jobs:
                yield worker.run(job, lambda: on_images(1))
        finally:
            worker.close()
        return
    yield from _in_processes(jobs, shared_config(config, processes), processes, on_images)


def shared_config(config: PipelineConfig, workers: int) -> PipelineConfig:
    """Return the configuration of one of several workers on a machine, with its share of cores."""
    return config if config.threads else replace(config, threads=max(1, cores() // workers))


def _is_done(job: BagJob) -> bool:
    if not job.target.exists():
        return False
    try:
        found = notes_of(job.target).get(SETTINGS)
    except ValueError as error:
        raise FileExistsError(f"{error}; remove it or take another name") from error
    if found != job.settings:
        raise FileExistsError(
            f"{job.target} was made of another bag, by another model or with other options; remove "
            "it or take another name"
        )
    return True


def _in_processes(
    jobs: Sequence[BagJob], config: PipelineConfig, processes: int, on_images: OnImages
) -> Iterator[BagResult]:
    # Spawned, not forked: the threads of an inference library do not survive a fork.
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    told = 0
    with children_ignore_interrupts():
        pool = context.Pool(min(processes, len(jobs)), _open_worker, (config, counter))
    try:
        with pool:
            results = pool.imap_unordered(_run_in_worker, jobs)
            for _ in jobs:
                result = None
                while result is None:
                    with suppress(multiprocessing.TimeoutError):
                        result = results.next(WAIT_S)
                    told, before = counter.value, told
                    on_images(told - before)
                yield result
    finally:
        pool.join()
        for folder in {job.target.parent for job in jobs}:
            remove_leftovers(folder)


# What a worker process keeps; the parent process has none of it.
_worker: dict[str, Any] = {}


def _open_worker(config: PipelineConfig, counter: Any) -> None:
    _worker["counter"] = counter
    try:
        _worker["worker"] = BagWorker(config)
    except Exception as error:  # noqa: BLE001 - a pool would start the process again and again
        _worker["failure"] = _words(error)


def _run_in_worker(job: BagJob) -> BagResult:
    if "failure" in _worker:
        return BagResult(job.source, job.target, failure=_worker["failure"])
    return _worker["worker"].run(job, _count)


def _count() -> None:
    with _worker["counter"].get_lock():
        _worker["counter"].value += 1


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__
