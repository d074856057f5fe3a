# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A cache of compiled networks of a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_network import NETWORK, PURPOSE

from psg_ros.robot.runtime import compiled_cache


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$PSG_CACHE, not made yet; and every warning is new."""
    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))
    compiled_cache._warn.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def kept(own_home: Path) -> Path:
    """A network that an earlier start stored."""
    path = compiled_cache.cache_folder("openvino") / "net.blob"
    compiled_cache.store(path, PURPOSE, NETWORK)
    assert compiled_cache.load(path, PURPOSE) == NETWORK
    return path
