# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What tests let the processes of `stream` read; those import this file by its name."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np


class Numbers:
    """A data set of named numbers; `folder` takes a file for every item that was read."""

    def __init__(self, count: int, folder: Path | None = None) -> None:
        self.image_ids = [f"n{i}" for i in range(count)]
        self.folder = folder


class OddError(Exception):
    """Cannot be rebuilt from its text, as pickle would try."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def double(dataset: Numbers, index: int) -> tuple[int, int]:
    if dataset.folder:
        (dataset.folder / str(index)).touch()
    return 2 * index, os.getpid()


def slow_first(dataset: Numbers, index: int) -> int:
    """The first item takes longest: whoever is not careful delivers it last."""
    time.sleep(0.3 if index == 0 else 0)
    return index


def fail_at_three(dataset: Any, index: int) -> int:
    if index == 3:
        raise ValueError("no such colour")
    return index


def fail_oddly(dataset: Numbers, index: int) -> int:
    raise OddError(1, 2)


def die(dataset: Numbers, index: int) -> int:
    os._exit(3)


def read_item(dataset: Any, index: int) -> tuple[str, np.ndarray]:
    return dataset[index].image_id, dataset[index].segmentation.label_map
