# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the watcher leaves when the run ends right after the first graph."""

import argparse
import queue
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("av")

from std_msgs.msg import Header

from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.ros.conversions import rgb_to_msg
from psg_ros.ros.demo import watcher
from psg_ros.ros.demo.statistics import GraphArrival, GraphStatistics
from psg_ros.ros.demo.watcher import Recorder

pytestmark = pytest.mark.ros


class Film:
    """Counts the pictures of the film."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, image_rgb: np.ndarray, second: float) -> None:
        self.count += 1


@pytest.fixture
def subscriber() -> SimpleNamespace:
    """Return one that has heard a graph and nothing else yet."""
    statistics = GraphStatistics()
    statistics.add(GraphArrival(time.monotonic(), 5.0, 1, 1, 0, 0, 0, 0))
    graphs = {0: SceneGraph(quality=SceneGraph.QUALITY_FULL)}
    return SimpleNamespace(
        statistics=statistics, images=queue.Queue(), graphs=graphs, vocabulary=None
    )


def recorder(subscriber: SimpleNamespace, film: Film, out: Path) -> Recorder:
    return Recorder(subscriber, argparse.Namespace(out=out, backend="nothing"), film)


def test_the_picture_of_the_first_graph_is_waited_for(subscriber, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(watcher, "FIRST_IMAGE_WAIT_S", 60.0)
    film = Film()

    def come() -> None:
        subscriber.images.put(rgb_to_msg(np.zeros((8, 8, 3), np.uint8), Header()))
        subscriber.vocabulary = GraphVocabulary()

    late = threading.Timer(0.2, come)
    late.start()
    recorder(subscriber, film, tmp_path).finish()
    late.join()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["annotated.png", "scene_graph.svg", "summary.json"] and film.count == 1


def test_a_picture_that_never_comes_is_named(subscriber, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(watcher, "FIRST_IMAGE_WAIT_S", 0.1)
    with pytest.raises(RuntimeError, match="no annotated image or no vocabulary"):
        recorder(subscriber, Film(), tmp_path).finish()
    assert not list(tmp_path.iterdir())
