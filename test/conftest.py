# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for all tests: a small model, a cache of our own; and what several workers run."""

from __future__ import annotations

import fcntl
import gc
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

# Until all tests are collected: what they import stays, and looking through it takes 0.4 s a time.
gc.disable()

# Tests are imported one by one (importmode=importlib), so this folder is not on the path by itself,
# nor is the package's. pytest's own option for that is unknown to the pytest of Ubuntu 22.04.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

# Before torch is imported. The tensors of tests are small: threads that wait for each other cost up
# to twenty times what they bring, the more so beside other tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell lets what it starts in the background ignore Ctrl-C. So would the programs that tests
# start, and tests send it to them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from backends import INSTALLED  # noqa: E402

DOMAINS = 102
"""Domains 0 to 101 keep clear of the ports that Linux gives to other programs."""

ROOT = Path(__file__).parents[1]
NODE_FOLDER = "test/ros/"
"""Its tests start nodes and cameras: side by side, they would take the cores from each other."""


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


@pytest.fixture(scope="session")
def domain_id() -> Iterator[int]:
    """A ROS domain that no other test run on this machine uses at the same time."""
    for domain in random.sample(range(DOMAINS), DOMAINS):
        path = Path(tempfile.gettempdir()) / f"psg_ros_test_domain_{domain}.lock"
        lock = path.open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        yield domain
        lock.close()
        return
    pytest.fail("all ROS domains are in use by other test runs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for the night, and let several workers begin with what takes long."""
    if "nightly" not in (config.getoption("markexpr") or ""):
        night = pytest.mark.skip(reason="takes minutes; run it with -m nightly")
        for item in items:
            if item.get_closest_marker("nightly"):
                item.add_marker(night)
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (not starts_nodes(item.nodeid), item.path not in slow))


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make, not among a million objects that were imported."""
    gc.freeze()
    gc.enable()
    # The defaults look through all that is left whenever it has grown by a quarter, now of little.
    gc.set_threshold(50_000)


@pytest.hookimpl(optionalhook=True)  # `colcon test` has no pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give a worker whole files, for their fixtures; and two workers all tests with nodes."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return kind_of_nodes(file) if starts_nodes(file) else file

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let nodes have a core whenever they need one: what the other workers do is not urgent."""
    if hasattr(item.config, "workerinput") and not starts_nodes(item.nodeid) and os.nice(0) < 10:
        os.nice(10)


def starts_nodes(nodeid: str) -> bool:
    return nodeid.startswith(NODE_FOLDER)


@cache
def kind_of_nodes(file: str) -> str:
    """Return whether the nodes of a file are processes (see `RosSession`) or in the test's own."""
    is_demo = file.startswith(f"{NODE_FOLDER}demo/")
    return "processes" if is_demo or "session" in (ROOT / file).read_text() else "embedded"
