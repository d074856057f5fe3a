# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags by many machines: Ray starts the workers, each keeps its model and takes bag after bag.

Sources and results lie in a file system that all machines share, under the same names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from psg_ros.bags.batch import BagWorker, OnImages
from psg_ros.bags.job import BagJob, BagResult
from psg_ros.config import PipelineConfig

LOCAL = "local"
"""The address by which Ray starts a cluster of this machine alone."""


def convert_by_fleet(
    jobs: Sequence[BagJob], config: PipelineConfig, address: str, actors: int, on_images: OnImages
) -> Iterator[BagResult]:
    """Yield the results as they come.

    An actor that dies with its machine is started again elsewhere, and its bag from the beginning.

    Args:
        address: of a running cluster, as of `ray start`; `local` starts one here.
        actors: how many models are loaded at a time; each is given `config.threads` cores.
        on_images: is told of the images of a bag when the whole bag is done.

    Raises:
        ImportError: `ray` is not installed; names the extra.
        ConnectionError: no cluster at that address.
    """
    ray = load_ray()
    here = {"num_cpus": actors * (config.threads or 1), "include_dashboard": False}
    ray.init(
        address,
        log_to_driver=False,
        logging_level="error",
        **(here if address == LOCAL else {}),
    )
    try:
        yield from _by_actors(ray, jobs, config, min(actors, len(jobs)), on_images)
    finally:
        ray.shutdown()


def _by_actors(
    ray: Any, jobs: Sequence[BagJob], config: PipelineConfig, actors: int, on_images: OnImages
) -> Iterator[BagResult]:
    options = {"num_cpus": config.threads or 1, "max_restarts": -1, "max_task_retries": -1}
    kind = ray.remote(**options)(BagWorker)
    free = [kind.remote(config) for _ in range(actors)]
    waiting = list(reversed(jobs))
    running: dict[Any, tuple[Any, BagJob]] = {}
    while waiting or running:
        while waiting and free:
            worker, job = free.pop(), waiting.pop()
            running[worker.run.remote(job)] = worker, job
        (done, *_), _ = ray.wait(list(running))
        worker, job = running.pop(done)
        free.append(worker)
        try:
            result = ray.get(done)
        except ray.exceptions.RayError as error:  # the model could not be loaded there
            cause = getattr(error, "cause", None) or error
            result = BagResult(job.source, job.target, failure=" ".join(str(cause).split()))
        on_images(job.num_images)
        yield result


def load_ray() -> Any:
    """Return the package.

    Raises:
        ImportError: it is not installed; names the extra.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError("psg bag --ray needs: pip install ray (extra 'fleet')") from error
    return ray
