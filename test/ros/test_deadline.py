# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A deadline that the model cannot keep: graphs come all the same, and say what they are."""

import dataclasses
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from embedding import shoot
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from psg_ros.frame import Frame
from psg_ros.labels import ObjectLabel, Vocabulary
from psg_ros.msg import SceneGraph
from psg_ros.node_config import NodeConfig
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.ros.conversions import time_to_ns
from psg_ros.ros.deadline import Deadline
from psg_ros.ros.start import NODE_NAME
from psg_ros.scene_graph import VOID, Quality, Segmentation
from psg_ros.scene_graph import SceneGraph as Graph

pytestmark = pytest.mark.ros

FULL, REDUCED, STALE = (
    SceneGraph.QUALITY_FULL,
    SceneGraph.QUALITY_REDUCED,
    SceneGraph.QUALITY_STALE,
)


def slow_down(embedding, seconds):
    kind = type(embedding.pipelines[0])
    original = kind.__call__

    def slowly(self, frame):
        time.sleep(seconds[0])
        return original(self, frame)

    embedding.patch(kind, "__call__", slowly)


def test_out_of_reach_graphs_are_stale_with_the_ids_of_the_tracks_and_full_again_later(embedding):
    node = embedding.node(deadline_ms=40.0)
    takes_s = [0.08]
    slow_down(embedding, takes_s)
    camera = embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    _, masks = embedding.listen(Image, f"/{NODE_NAME}/segmentation", 100)
    stales = lambda: [g for g in graphs if g.quality == STALE]  # noqa: E731
    embedding.spin_until(lambda: len(stales()) >= 10, lambda: shoot(camera))
    assert graphs[0].quality == FULL
    assert {n.id for g in graphs for n in g.nodes} == {1}, "one thing, one id, whatever the quality"
    assert all(n.track_state == 3 and n.segment_id == 0 for g in stales() for n in g.nodes)
    assert all(g.timing.inference_ms == 0 for g in stales())
    stamps = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in masks}
    assert not stamps & {(g.header.stamp.sec, g.header.stamp.nanosec) for g in stales()}
    worked_on = [g for g in graphs if g.quality != STALE]
    assert len(worked_on) < len(graphs)
    assert [g.sequence for g in graphs] == list(range(1, len(graphs) + 1))
    for graph in graphs:
        t = graph.timing
        parts = (graph.sequence, t.dropped_frames, t.failed_frames, t.skipped_frames)
        assert t.received_frames == sum(parts)
    takes_s[0], known = 0.0, len(graphs)
    # Within reach, also where other programs hold this one up.
    assert node.set_parameters([Parameter("deadline_ms", value=2000.0)])[0].successful
    embedding.spin_until(
        lambda: {g.quality for g in graphs[known:][-20:]} == {FULL}, lambda: shoot(camera)
    )


def test_a_jump_in_time_is_worked_on_and_not_answered_from_before_it(embedding):
    embedding.node(deadline_ms=20.0)
    slow_down(embedding, [0.06])
    camera = embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    embedding.spin_until(lambda: any(g.quality == STALE for g in graphs), lambda: shoot(camera))
    back_ns = time.time_ns() - 3600 * 10**9

    def jumped():  # graphs of images from before may still come
        return [g for g in graphs if time_to_ns(g.header.stamp) == back_ns]

    embedding.spin_until(jumped, lambda: shoot(camera, back_ns))
    first = graphs.index(jumped()[0])
    assert graphs[first].quality != STALE
    assert graphs[first].nodes[0].id > max(n.id for g in graphs[:first] for n in g.nodes)


def test_the_deadline_changes_while_running_and_has_a_range(embedding):
    node = embedding.node()
    slow_down(embedding, [0.06])
    camera = embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    embedding.spin_until(lambda: len(graphs) >= 8, lambda: shoot(camera))
    assert {g.quality for g in graphs} == {FULL}
    assert node.set_parameters([Parameter("deadline_ms", value=20.0)])[0].successful
    embedding.spin_until(lambda: graphs[-1].quality == STALE, lambda: shoot(camera))
    assert node.set_parameters([Parameter("deadline_ms", value=0.0)])[0].successful
    known = len(graphs)
    embedding.spin_until(lambda: len(graphs) > known + 3, lambda: shoot(camera))
    assert graphs[-1].quality == FULL
    for value in (-1.0, 1e9, float("nan")):
        assert not node.set_parameters([Parameter("deadline_ms", value=value)])[0].successful


class EmptyPipeline:
    """Sees nothing."""

    def __init__(self, config):
        self.config = config

    def replace_config(self, config):
        self.config = config

    def __call__(self, frame):
        label_map = np.full(frame.image_hw, VOID, np.int32)
        return Graph(
            Segmentation(label_map, np.zeros(0, np.int64), np.zeros(0, np.float32)), (), ()
        )


class CrowdedPipeline(EmptyPipeline):
    """Finds 12 segments, more than are related when the deadline is not kept."""

    relation_source = "model"

    def __call__(self, frame):
        label_map = np.resize(np.arange(12, dtype=np.int32), frame.image_hw)
        segments = Segmentation(label_map, np.zeros(12, np.int64), np.ones(12, np.float32))
        regions = measure_regions(label_map, 12)
        thing = Vocabulary((ObjectLabel("thing", True, (0, 0, 0)),), ())
        return Graph(segments, describe_nodes(segments, regions, thing), ())


@pytest.mark.parametrize(
    ("source", "quality"),
    [("model", Quality.REDUCED), ("both", Quality.REDUCED), ("geometry", Quality.FULL)],
)
def test_a_graph_is_reduced_only_where_the_model_relates_fewer_segments(source, quality):
    config = NodeConfig(deadline_ms=20.0)
    deadline, pipeline = Deadline(), CrowdedPipeline(config)
    pipeline.relation_source = source
    deadline.ladder.rung = Quality.REDUCED
    frame = Frame(np.zeros((6, 8, 3), np.uint8), stamp_ns=1)
    assert deadline.graph(pipeline, frame, config).quality == quality


def test_the_first_image_after_a_change_of_parameters_is_worked_on():
    config = NodeConfig(deadline_ms=20.0)
    deadline, pipeline = Deadline(), EmptyPipeline(config)
    stamps_ns = iter(range(1, 100))

    def quality(config):
        frame = Frame(np.zeros((6, 8, 3), np.uint8), stamp_ns=next(stamps_ns))
        return deadline.graph(pipeline, frame, config).quality

    quality(config)
    deadline.ladder.rung = Quality.STALE
    assert [quality(config) for _ in range(2)] == [Quality.STALE] * 2
    changed = dataclasses.replace(config, relation_threshold=1.0)
    assert quality(changed) != Quality.STALE and pipeline.config.relation_threshold == 1.0
    assert quality(changed) == Quality.STALE
