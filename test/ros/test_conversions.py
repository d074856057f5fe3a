# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs, label images and vocabularies as messages."""

import array
import math

import numpy as np
import pytest

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.scene_graph import (
    Quality,
    RelationSource,
    RelationState,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    StageTimes,
    Track,
    TrackState,
)

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from psg_ros.msg import PipelineTiming  # noqa: E402
from psg_ros.msg import SceneGraph as GraphMessage  # noqa: E402
from psg_ros.msg import SceneNode as NodeMessage  # noqa: E402
from psg_ros.msg import SceneRelation as RelationMessage
from psg_ros.ros import conversions  # noqa: E402

HEADER = Header(stamp=Time(sec=1_700_000_000, nanosec=123_456_789), frame_id="camera_optical_frame")


def segmentation(count, hw=(4, 6)):
    label_map = np.full(hw, -1, np.int32)
    label_map.flat[:count] = np.arange(count)
    return Segmentation(label_map, np.zeros(count, np.int64), np.ones(count, np.float32))


def node(segment, track=None):
    box, centroid = (1, 2, 5, 4), (2.5, 3.25)
    return SceneNode(segment, 0, "cup", True, 0.75, box, centroid, 7, segment == 1, track)


def graph(count=3, relations=(), tracks=(None,) * 3):
    nodes = tuple(node(segment, tracks[segment]) for segment in range(count))
    return SceneGraph(segmentation(count), nodes, tuple(relations), None, StageTimes(1, 2, 3))


RELATIONS = (
    SceneRelation(2, 0, 5, "beside", 0.4, 0.75),
    SceneRelation(1, 2, 0, "over", 0.5),
    SceneRelation(0, 1, 4, "on", 0.25),
)
TENTATIVE, CONFIRMED = TrackState.TENTATIVE, TrackState.CONFIRMED
TRACKS = tuple(
    Track(i, CONFIRMED if i == 11 else TENTATIVE, i * conversions.NANOSECONDS) for i in (7, 11, 9)
)
UNTRACKED = (None,) * 3


def test_nodes_carry_what_was_measured_and_say_what_was_not():
    message = conversions.scene_graph_to_msg(graph(tracks=TRACKS), HEADER)
    assert message.header == HEADER and message.schema_version == GraphMessage.SCHEMA_VERSION
    assert (message.image_width, message.image_height) == (6, 4)
    assert message.quality == GraphMessage.QUALITY_FULL and message.spatial_frame_id == ""
    first, second, _ = message.nodes
    assert (first.segment_id, first.class_id, first.class_name, first.is_thing) == (
        1,
        0,
        "cup",
        True,
    )
    assert (first.score, first.centroid_x, first.centroid_y, first.area_px) == (0.75, 2.5, 3.25, 7)
    box = first.bbox
    assert (box.x_offset, box.y_offset, box.width, box.height) == (1, 2, 4, 2)
    assert (first.truncated, second.truncated) == (False, True)
    assert not first.has_position and math.isnan(first.position.x)
    assert all(math.isnan(value) for value in first.position_covariance)
    assert math.isnan(first.size.z)


def test_tracks_become_ids_states_and_first_stamps():
    nodes = conversions.scene_graph_to_msg(graph(tracks=TRACKS), HEADER).nodes
    assert [n.id for n in nodes] == [7, 11, 9]
    assert [n.first_seen.sec for n in nodes] == [7, 11, 9]
    tentative, confirmed = NodeMessage.TRACK_TENTATIVE, NodeMessage.TRACK_CONFIRMED
    assert [n.track_state for n in nodes] == [tentative, confirmed, tentative]


def test_without_tracks_segment_ids_are_the_node_ids():
    nodes = conversions.scene_graph_to_msg(graph(), HEADER).nodes
    assert [n.id for n in nodes] == [n.segment_id for n in nodes] == [1, 2, 3]
    assert all(n.track_state == 0 and n.first_seen == Time() for n in nodes)


@pytest.mark.parametrize("tracks", [TRACKS, UNTRACKED], ids=["tracked", "untracked"])
def test_every_end_of_a_relation_is_the_id_of_exactly_one_node(tracks):
    message = conversions.scene_graph_to_msg(graph(relations=RELATIONS, tracks=tracks), HEADER)
    ids = [node.id for node in message.nodes]
    ends = [end for r in message.relations for end in (r.subject_id, r.object_id)]
    assert ends and all(ids.count(end) == 1 for end in ends)


@pytest.mark.parametrize(
    ("tracks", "ends"),
    [(TRACKS, [(9, 7), (11, 9), (7, 11)]), (UNTRACKED, [(3, 1), (2, 3), (1, 2)])],
)
def test_relations_keep_their_order_and_name_track_ids_or_segment_ids(tracks, ends):
    message = conversions.scene_graph_to_msg(graph(relations=RELATIONS, tracks=tracks), HEADER)
    assert [r.predicate_name for r in message.relations] == ["beside", "over", "on"]
    assert [r.predicate_id for r in message.relations] == [5, 0, 4]
    assert [(r.subject_id, r.object_id) for r in message.relations] == ends
    assert [r.score for r in message.relations] == [pytest.approx(s) for s in (0.4, 0.5, 0.25)]
    assert message.relations[0].probability == 0.75
    assert all(math.isnan(relation.probability) for relation in message.relations[1:])
    for relation in message.relations:
        assert relation.source == RelationMessage.SOURCE_MODEL
        assert relation.state == 0 and relation.since == Time()


def test_an_empty_graph_is_a_message_like_any_other():
    message = conversions.scene_graph_to_msg(graph(0), HEADER)
    assert message.nodes == [] and message.relations == [] and message.image_width == 6


def test_a_state_and_a_source_of_a_relation_reach_the_message():
    geometry, fading = RelationSource.GEOMETRY, RelationState.FADING
    fading = SceneRelation(0, 1, 0, "on", math.nan, 0.5, geometry, fading, 7_000_000_009)
    (relation,) = conversions.scene_graph_to_msg(graph(relations=[fading]), HEADER).relations
    assert (relation.source, relation.state) == (
        RelationMessage.SOURCE_GEOMETRY,
        RelationMessage.STATE_FADING,
    )
    assert relation.since == Time(sec=7, nanosec=9) and math.isnan(relation.score)


@pytest.mark.parametrize(
    ("ours", "message", "prefix"),
    [
        (TrackState, NodeMessage, "TRACK_"),
        (RelationState, RelationMessage, "STATE_"),
        (RelationSource, RelationMessage, "SOURCE_"),
        (Quality, GraphMessage, "QUALITY_"),
    ],
)
def test_enumerations_have_the_numbers_of_the_messages(ours, message, prefix):
    constants = {
        name.removeprefix(prefix): getattr(message, name)
        for name in type(message).__prepare__("", ())
        if name.startswith(prefix)
    }
    assert constants == {state.name: state.value for state in ours}


def test_timing_keeps_milliseconds_both_clocks_and_the_counts():
    times = StageTimes(1.5, 20.0, 3.25)
    frames = conversions.FrameCounts(received=9, dropped=4, failed=1, skipped=2, lost=3)
    message = conversions.timing_to_msg(times, Time(sec=1), Time(sec=2), frames)
    stages = {"preprocess_ms": 1.5, "inference_ms": 20.0, "postprocess_ms": 3.25}
    ends = {"received": Time(sec=1), "published": Time(sec=2)}
    counts = {f"{name}_frames": number for name, number in vars(frames).items()}
    assert message == PipelineTiming(**ends, **stages, **counts)


@pytest.mark.parametrize(
    ("count", "encoding", "dtype"),
    [(0, "mono8", "u1"), (254, "mono8", "u1"), (255, "mono16", "u2")],
)
def test_label_images_hold_segment_plus_one_in_the_smallest_encoding(count, encoding, dtype):
    parts = segmentation(count, (20, 30))
    message = conversions.segmentation_to_msg(parts, HEADER)
    assert message.encoding == encoding and message.header == HEADER
    assert (message.height, message.width) == (20, 30)
    assert isinstance(message.data, array.array) and message.data.typecode == "B"
    ids = np.frombuffer(message.data, f"={dtype}").reshape(20, 30)
    assert message.step == 30 * ids.itemsize
    assert np.array_equal(ids.astype(int), parts.label_map + 1)


def test_more_segments_than_16_bits_are_refused():
    count = conversions.MAX_SEGMENTS + 1
    with pytest.raises(ValueError, match="65535 segments"):
        conversions.segmentation_to_msg(segmentation(count, (300, 300)), HEADER)


def test_pictures_become_rgb8_also_when_they_are_views():
    picture = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)[:, ::2]
    message = conversions.rgb_to_msg(picture, HEADER)
    assert (message.encoding, message.height, message.width, message.step) == ("rgb8", 2, 2, 6)
    assert message.data == array.array("B", picture.tobytes())


def test_the_vocabulary_keeps_order_colours_and_inverses():
    vocabulary = Vocabulary(
        (ObjectLabel("cup", True, (1, 2, 255)), ObjectLabel("sky", False, (0, 0, 0))),
        (Predicate("over", "under"), Predicate("beside", symmetric=True)),
    )
    message = conversions.vocabulary_to_msg(vocabulary, "demo", "ab" * 32, 0.25)
    assert (message.model_name, message.model_sha256) == ("demo", "ab" * 32)
    assert [(c.id, c.name, c.is_thing, c.color.tolist()) for c in message.classes] == [
        (0, "cup", True, [1, 2, 255]),
        (1, "sky", False, [0, 0, 0]),
    ]
    assert [
        (p.id, p.name, p.inverse_name, p.symmetric, p.threshold) for p in message.predicates
    ] == [
        (0, "over", "under", False, 0.25),
        (1, "beside", "", True, 0.25),
    ]


@pytest.mark.parametrize(
    "nanoseconds", [0, 1, 1_700_000_000_123_456_789, -1, (2**31 - 1) * 10**9 + 2**32 - 1]
)
def test_stamps_survive_the_way_to_nanoseconds_and_back(nanoseconds):
    assert conversions.time_to_ns(conversions.ns_to_time(nanoseconds)) == nanoseconds


def test_first_seen_equals_the_stamp_to_the_nanosecond():
    track = Track(1, TENTATIVE, 1_700_000_000_123_456_789)
    (seen,) = conversions.scene_graph_to_msg(graph(1, tracks=[track]), HEADER).nodes
    assert seen.first_seen == HEADER.stamp
