# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests that start nodes: processes in a DDS domain of our own that end in time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def session(domain_id: int, tmp_path: Path) -> Iterator[object]:
    """Processes in one domain; all are stopped, and must have stopped cleanly, after the test."""
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from ros_session import RosSession

    with RosSession(domain_id, tmp_path) as running:
        yield running


def speak_like_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own process meet nodes on this machine; Fast DDS reads its profile once."""
    from psg_ros.ros.transport import transport_environment

    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    for name, value in transport_environment(os.environ).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def embedding(domain_id: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The node in the test's own process, with a model that takes no time."""
    pytest.importorskip("rclpy", reason="needs ROS 2")
    speak_like_the_node(monkeypatch)
    from embedding import Embedding

    surroundings = Embedding(domain_id)
    yield surroundings
    surroundings.close()


@pytest.fixture
def client(session: object, domain_id: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Services of the node, asked from the test's own process."""
    speak_like_the_node(monkeypatch)
    from node_client import NodeClient

    asking = NodeClient(domain_id)
    yield asking
    asking.close()


@pytest.fixture(scope="session")
def foreign_messages(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A function that returns the module `msg` of a package of `foreign_messages.DEFINITIONS`."""
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from importlib import import_module

    from foreign_messages import provide

    folder = tmp_path_factory.mktemp("foreign")

    def messages(package: str) -> object:
        project = provide(package, folder)
        if project is not None:
            sys.path.append(str(project))
        return import_module(f"{package}.msg")

    return messages


@pytest.fixture
def stranger(domain_id: int) -> Iterator[object]:
    """A node of another process, as far as DDS knows: one process cannot give a topic two types."""
    rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    node = rclpy.create_node("stranger", context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)
