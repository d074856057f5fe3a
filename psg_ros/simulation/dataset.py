# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Generate a data set of simulated frames in PSG's layout, with several processes, resumable."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.util
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from psg_ros.files import write_text
from psg_ros.interrupts import children_ignore_interrupts
from psg_ros.simulation import storage
from psg_ros.simulation.engine import load_mujoco
from psg_ros.simulation.rendering import Renderer
from psg_ros.simulation.scenes import render_views

SPLITS = ("train", "val", "test")
VIEWS_PER_SCENE = 4
# Raise it when the same seed gives other pictures than before: it keeps a resumed run from mixing.
WORLD_VERSION = 3


@dataclass(frozen=True)
class SceneJob:
    """One scene to render: ``seed`` is its entropy, ``first_id`` the id of its first picture."""

    folder: Path
    seed: tuple[int, int, int]
    split: str
    views: int
    first_id: int
    size_wh: tuple[int, int]
    depth: bool


def generate_dataset(
    out: Path,
    *,
    num_images: dict[str, int],
    size_wh: tuple[int, int] = (320, 240),
    seed: int = 0,
    workers: int = 2,
    depth: bool = False,
    progress: bool = True,
) -> Path:
    """Render scenes until every split has its images, then write ``psg.json``.

    All views of one scene are in the same split. The result depends on the seed, not on the number
    of workers. An interrupted run goes on where it stopped when called again with the same
    settings.

    Args:
        out: Folder of the data set; new, empty, or of an interrupted or finished run.
        num_images: Images of each split: train, val, test (a missing one counts 0).
        size_wh: Width and height of the images in pixels.
        seed: Any non-negative integer.
        workers: Number of processes; 1 renders in this process.
        depth: Also write depth as 16-bit PNG files in millimetres.
        progress: Show a progress bar.

    Returns:
        Path of ``psg.json``.

    Raises:
        ValueError: Unknown split, negative count or no worker.
        FileExistsError: ``out`` holds other files, or a data set of other settings.
        ImportError: MuJoCo is missing.
        RuntimeError: Its GL library is missing, or a scene failed (the message names its seed).
    """
    _check(num_images, workers)
    load_mujoco()  # a missing package shall not leave a folder behind
    out = Path(out)
    settings = {
        "world_version": WORLD_VERSION,
        "num_images": {s: num_images.get(s, 0) for s in SPLITS},
        "size_wh": list(size_wh),
        "seed": seed,
        "depth": depth,
    }
    _claim(out, settings)
    if (out / "psg.json").exists():
        return out / "psg.json"
    jobs = list(_plan_jobs(out / "scenes", settings))
    waiting = [job for job in jobs if not (job.folder / "entries.json").exists()]
    with tqdm(total=sum(job.views for job in jobs), unit="image", disable=not progress) as bar:
        bar.update(sum(job.views for job in jobs) - sum(job.views for job in waiting))
        for views in _render_all(waiting, workers):
            bar.update(views)
    path = storage.collect([job.folder for job in jobs], out)
    shutil.rmtree(out / "scenes", ignore_errors=True)
    return path


def _check(num_images: dict[str, int], workers: int) -> None:
    unknown = sorted(set(num_images) - set(SPLITS))
    if unknown:
        raise ValueError(f"unknown split {', '.join(unknown)}; use {', '.join(SPLITS)}")
    if any(count < 0 for count in num_images.values()) or workers < 1:
        raise ValueError(
            f"expected counts of 0 or more and at least one worker, got {num_images} and {workers}"
        )


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Make the folder ours, or check that it already belongs to a run with the same settings."""
    record = out / "settings.json"
    if not out.exists() or not any(out.iterdir()):
        out.mkdir(parents=True, exist_ok=True)
        write_text(record, json.dumps(settings))
        return
    if not record.exists():
        raise FileExistsError(f"{out} is not empty: choose a new folder, or a simulated data set")
    found = json.loads(record.read_text(encoding="utf-8"))
    others = [name for name, value in settings.items() if found.get(name) != value]
    if others:
        was, wanted = ({name: values.get(name) for name in others} for values in (found, settings))
        raise FileExistsError(
            f"{out} was made with {_said(was)}, not {_said(wanted)}; give the same to continue "
            "there, or choose a new folder"
        )


def _said(settings: Mapping[str, Any]) -> str:
    """Return settings in words: `seed 1, size_wh 160 x 120`."""
    words = []
    for name, value in settings.items():
        if isinstance(value, dict):
            words += [f"{split} {count}" for split, count in value.items()]
        else:
            text = " x ".join(map(str, value)) if isinstance(value, list) else value
            words.append(f"{name} {text}")
    return ", ".join(words)


def _plan_jobs(folder: Path, settings: dict[str, Any]) -> Iterator[SceneJob]:
    """Scenes of all splits in order; image ids count through."""
    first_id = 0
    for number, split in enumerate(SPLITS):
        left, index = settings["num_images"][split], 0
        while left > 0:
            views = min(VIEWS_PER_SCENE, left)
            yield SceneJob(
                folder=folder / f"{split}_{index:06d}",
                seed=(settings["seed"], number, index),
                split=split,
                views=views,
                first_id=first_id,
                size_wh=tuple(settings["size_wh"]),
                depth=settings["depth"],
            )
            left, index, first_id = left - views, index + 1, first_id + views


def _render_all(jobs: list[SceneJob], workers: int) -> Iterator[int]:
    """Number of images of each scene as it is finished, in any order."""
    if not jobs:
        return
    if workers == 1:
        renderer = Renderer(jobs[0].size_wh)
        try:
            for job in jobs:
                yield _render_job(job, renderer)
        finally:
            renderer.close()
        return
    # Spawned, not forked: GL contexts and OpenMP threads of this process do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with children_ignore_interrupts():
        pool = context.Pool(workers, _open_worker, (jobs[0].size_wh,))
    with pool:
        yield from pool.imap_unordered(_render_in_worker, jobs, chunksize=4)


# The renderer of a worker process; the parent process has none.
_worker: dict[str, Renderer] = {}


def _open_worker(size_wh: tuple[int, int]) -> None:
    renderer = _worker["renderer"] = Renderer(size_wh)
    # Pool workers run no atexit handlers, only these.
    multiprocessing.util.Finalize(renderer, renderer.close, exitpriority=10)


def _render_in_worker(job: SceneJob) -> int:
    return _render_job(job, _worker["renderer"])


def _render_job(job: SceneJob, renderer: Renderer) -> int:
    try:
        frames = list(render_views(renderer, list(job.seed), job.views))
        storage.write_scene(job.folder, frames, job.first_id, split=job.split, depth=job.depth)
    except Exception as error:
        raise RuntimeError(
            f"scene {job.folder.name} (seed {list(job.seed)}) failed: {error}"
        ) from error
    return job.views
