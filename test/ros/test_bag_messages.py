# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `psg bag` writes is what the node sends: the same values, the same types."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rosbags", reason="needs the extra 'bags'")

from graph_bags import IMAGE_TOPIC, write_images  # noqa: E402
from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from psg_ros.__main__ import main  # noqa: E402
from psg_ros.bags.message_types import bag_types, full_name  # noqa: E402
from psg_ros.config import DeltaConfig  # noqa: E402
from psg_ros.graph_delta import DeltaEncoder  # noqa: E402
from psg_ros.graph_messages import FrameCounts, MessageFactory  # noqa: E402
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary  # noqa: E402
from psg_ros.msg import GraphDelta, GraphVocabulary, SceneGraph  # noqa: E402
from psg_ros.ros import message_types  # noqa: E402
from psg_ros.scene_graph import (  # noqa: E402
    Position,
    Quality,
    RelationSource,
    RelationState,
    SceneNode,
    SceneRelation,
    Segmentation,
    StageTimes,
    Track,
    TrackState,
)
from psg_ros.scene_graph import SceneGraph as Graph  # noqa: E402

SEGMENTATION = Segmentation(
    np.array([[0, 0, -1], [1, 1, 1]], np.int32), np.zeros(2, np.int64), np.ones(2, np.float32)
)
TRACK = Track(7, TrackState.CONFIRMED, 5_000_000_003)
POSITION = Position((1.0, 2.0, 3.0), tuple(0.25 * i for i in range(9)), (0.5, 0.0, 1.5))
NODES = (
    SceneNode(0, 3, "Tasse über", True, 0.75, (0, 0, 2, 1), (0.5, 0.5), 2, True, TRACK, POSITION),
    SceneNode(1, 0, "table", False, 0.5, (0, 1, 3, 2), (1.5, 1.5), 3, True),
)
RELATIONS = (
    SceneRelation(
        0, 1, 4, "on", 0.5, 0.75, RelationSource.FUSED, RelationState.CONFIRMED, 6 * 10**9
    ),
    SceneRelation(1, 0, 2, "under", 0.25),
)
GRAPH = Graph(
    SEGMENTATION, NODES, RELATIONS, None, StageTimes(1, math.nan, 3), "map", Quality.REDUCED
)
VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (255, 0, 7)), ObjectLabel("table", False, (1, 2, 3))),
    (Predicate("on", "under", False), Predicate("beside", "", True)),
)


def graph_message(factory: MessageFactory) -> object:
    types = factory.types
    header = types.Header(stamp=types.Time(sec=-1, nanosec=999_999_999), frame_id="kamera")
    message = factory.scene_graph(GRAPH, header)
    message.camera, message.vocabulary_version, message.sequence = "front", 3, 2**40
    message.activated = factory.time(4_000_000_001)
    counts = FrameCounts(9, 1, 2, 3, 4)
    message.timing = factory.timing(GRAPH.times, factory.time(1), factory.time(2), counts)
    return message


def label_image(factory: MessageFactory) -> object:
    return factory.segmentation(SEGMENTATION, factory.types.Header(frame_id="kamera"))


def vocabulary(factory: MessageFactory) -> object:
    return factory.vocabulary(VOCABULARY, "tiny", "ab" * 32, 0.25)


def delta(factory: MessageFactory) -> object:
    return factory.delta(DeltaEncoder(DeltaConfig()).encode(graph_message(factory), 1))


@pytest.mark.parametrize("make", [graph_message, label_image, vocabulary, delta])
def test_a_message_of_a_bag_is_what_the_node_sends(make) -> None:
    """Compared as text: a NaN equals no NaN, and what rclpy pads with is anything."""
    ours = bag_types().serialized(make(MessageFactory(bag_types())))
    sent = make(MessageFactory(message_types))
    assert len(ours) == len(serialize_message(sent))
    received = deserialize_message(serialize_message(sent), type(sent))
    assert repr(deserialize_message(ours, type(sent))) == repr(received)


def test_rclpy_reads_every_message_of_a_written_bag(tmp_path: Path, tiny_model: Path) -> None:
    from rosbags.highlevel import AnyReader

    source = write_images(tmp_path / "images")
    arguments = ["bag", str(source), "-o", str(tmp_path / "out"), "--model", str(tiny_model)]
    assert main(arguments) == 0
    kinds = {"/scene_graph": SceneGraph, "/scene_graph_node/vocabulary": GraphVocabulary}
    kinds |= {"/scene_graph_node/segmentation": Image, "/scene_graph/delta": GraphDelta}
    read = []
    with AnyReader([tmp_path / "out"]) as reader:
        assert {c.topic for c in reader.connections} == set(kinds) and IMAGE_TOPIC not in kinds
        for connection, _, raw in reader.messages():
            message = deserialize_message(bytes(raw), kinds[connection.topic])
            assert len(serialize_message(message)) == len(raw)
            read.append(message)
    graphs = [message for message in read if isinstance(message, SceneGraph)]
    assert [graph.header.stamp.sec for graph in graphs] == [6, 7, 8, 9]
    assert {graph.schema_version for graph in graphs} == {SceneGraph.SCHEMA_VERSION}
    assert {node.class_name for node in graphs[0].nodes} == {"red", "blue"}


@pytest.mark.parametrize("kind", [SceneGraph, GraphDelta, GraphVocabulary, Image])
def test_types_have_the_hash_by_which_ros_compares_them(kind, domain_id: int) -> None:
    rclpy.init(domain_id=domain_id)
    try:
        node = rclpy.create_node("hashes")
        node.create_publisher(kind, "some_topic", 1)
        (info,) = node.get_publishers_info_by_topic("some_topic")
        ours = bag_types().store.hash_rihs01(full_name(kind.__name__))
        assert str(info.topic_type_hash) == ours
    finally:
        rclpy.shutdown()
