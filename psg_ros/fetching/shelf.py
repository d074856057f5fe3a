# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of fetched models: what is whole, what is under way, and who works on it.

NAME/                a whole model folder, put there in one step; origin.yaml says where from
.fetching/NAME/      downloads, and an export until it is whole
.fetching/NAME.lock  held by the process that works on NAME
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psg_ros.quoting import listed
from psg_ros.resources import fetched_models_path, share_path
from psg_ros.robot.manifest import MANIFEST_FILE, models_on

WORK = ".fetching"
ORIGIN_FILE = "origin.yaml"


def fetched() -> dict[str, Path]:
    """Return the fetched models by name."""
    found = models_on(fetched_models_path())
    return {folder.name: folder for folder in found if (folder / ORIGIN_FILE).is_file()}


@contextmanager
def working_on(name: str) -> Iterator[Path]:
    """Give the work folder of a model, which nobody else has meanwhile.

    Raises:
        RuntimeError: another process works on this model.
    """
    folder = fetched_models_path() / WORK / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(f"another psg models works on {name}; wait for it") from error
        folder.mkdir(exist_ok=True)
        yield folder  # the lock ends with the file, even of a process that is killed


def put(whole: Path) -> Path:
    """Move a model folder to its place among the fetched ones; it replaces an older one."""
    target = fetched_models_path() / whole.name
    if target.exists():
        _take_away(target)
    os.rename(whole, target)
    return target


def remove(name: str) -> list[str]:
    """Remove a fetched model and what is under way; return what has been removed, in words.

    Raises:
        FileNotFoundError: neither is there.
        ValueError: a model that `psg models get` did not put there.
        RuntimeError: another process works on it.
    """
    place = fetched_models_path() / name
    if Path(name).name != name or not name or name.startswith("."):
        raise ValueError(f"{name!r} is no name of a model")
    is_fetched = name in fetched()
    if not is_fetched and (place / MANIFEST_FILE).is_file():
        raise ValueError(f"{place} was not put there by psg models get; remove it by hand")
    is_begun = (place.parent / WORK / name).is_dir()
    if not is_fetched and not is_begun:
        shipped = (share_path() / "models" / name / MANIFEST_FILE).is_file()
        why = (
            "it is part of the package" if shipped else f"fetched are: {listed(sorted(fetched()))}"
        )
        raise FileNotFoundError(f"no fetched model {name!r}; {why}")
    with working_on(name) as work:
        if is_fetched:
            _take_away(place)
        shutil.rmtree(work)
    done = {f"{place}": is_fetched, f"what was under way of {name}": is_begun}
    return [what for what, was_there in done.items() if was_there]


def _take_away(folder: Path) -> None:
    """Remove a model folder; it is gone as a whole before the first file of it is."""
    hidden = folder.parent / WORK / folder.name / "removed"
    shutil.rmtree(hidden, ignore_errors=True)
    os.rename(folder, hidden)
    shutil.rmtree(hidden)
