# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One exported model that takes other words; every test gets a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    from tiny_open import write_open_model

    return write_open_model(tmp_path_factory.mktemp("open"))


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "open"))
