# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg bag --ray: the same results by actors on the nodes of a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graph_bags import content, write_images

from psg_ros.__main__ import main

pytest.importorskip("rosbags", reason="needs the extra 'bags'")

# Beside other tests a start takes its time.
PATIENCE = {"RAY_raylet_start_wait_time_s": "180", "RAY_agent_register_timeout_ms": "180000"}


@pytest.fixture
def bag(tiny_model: Path):
    return lambda *arguments: main(["bag", *map(str, arguments), "--model", str(tiny_model)])


@pytest.fixture
def two_nodes() -> Iterator[str]:
    """A cluster of two nodes with a core each, on this machine."""
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    pytest.importorskip("ray", reason="needs the extra 'fleet'")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


@pytest.mark.slow
def test_two_nodes_give_the_bytes_that_one_process_gives(
    bag, two_nodes: str, tmp_path: Path, capsys
) -> None:
    sources = [write_images(tmp_path / name, count) for name, count in (("a", 3), ("b", 5))]
    assert bag(*sources, "-o", tmp_path / "one", "--threads", 1) == 0
    options = ["--threads", 1, "--ray", two_nodes, "--jobs", 2]
    assert bag(*sources, "-o", tmp_path / "fleet", *options) == 0
    for name in "ab":
        assert content(tmp_path / "one" / name) == content(tmp_path / "fleet" / name)
    assert bag(*sources, "-o", tmp_path / "fleet", *options, "--resume") == 0
    assert "2 of 2 bags were done before" in capsys.readouterr().err


def test_without_ray_the_extra_is_named(monkeypatch, bag, tmp_path: Path, capsys) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write_images(tmp_path / "images")
    assert bag(source, "-o", tmp_path / "out", "--ray", "local") == 1
    assert "pip install ray (extra 'fleet')" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
