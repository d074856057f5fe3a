# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A server on the loopback, and an environment in which nothing else can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from public_server import PublicServer, isolate, point_at, serving


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of fetched models, an empty one."""
    return isolate(monkeypatch, tmp_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublicServer]:
    with serving() as running:
        point_at(monkeypatch, running.url)
        yield running
