# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A composite teacher of two tiny networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backends import INSTALLED
from tiny_teacher import write_tiny_recipe

from psg_ros.config import PipelineConfig
from psg_ros.labelling.composite import CompositeTeacher


@pytest.fixture
def open_composite(tmp_path: Path) -> Iterator[Callable[..., CompositeTeacher]]:
    """A function that opens a tiny composite whose recipe has the given changes."""
    if not INSTALLED:
        pytest.skip("needs a backend: openvino or onnxruntime")
    opened = []

    def open_one(*, careful: bool = True, **changes: Any) -> CompositeTeacher:
        recipe = write_tiny_recipe(tmp_path / f"teacher{len(opened)}", **changes)
        opened.append(CompositeTeacher.open(recipe, PipelineConfig(), careful=careful))
        return opened[-1]

    yield open_one
    for teacher in opened:
        teacher.close()
