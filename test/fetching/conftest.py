# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A server on the loopback, and an environment in which nothing else can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from public_server import PublicServer, serving

from psg_ros.fetching import web


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of fetched models, an empty one."""
    monkeypatch.setenv("PSG_MODELS", str(tmp_path / "shelf"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub_home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(web, "PAUSE_S", 0.0)
    return tmp_path / "shelf"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublicServer]:
    with serving() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running
