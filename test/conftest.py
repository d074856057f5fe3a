# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for all tests: a model small enough to be written in a test, and a cache of our own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# Tests are imported one by one (importmode=importlib), so this folder is not on the path by itself,
# nor is the package's. pytest's own option for that is unknown to the pytest of Ubuntu 22.04.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from backends import INSTALLED  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep compiled networks out of the user's cache; inherited by processes that tests start."""
    os.environ["PSG_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder, see tiny_model.py. Shared by all tests: copy it before changing it."""
    if not INSTALLED:
        pytest.skip("needs a backend: openvino or onnxruntime")
    from tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
