# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ids while images follow each other, and after they did not."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from psg_ros.ros.conversions import ns_to_time
from psg_ros.ros.identities import Identities
from psg_ros.scene_graph import Segmentation


def two_things(count=2):
    """Return `count` bars side by side."""
    label_map = np.repeat(np.arange(count, dtype=np.int32), 4)[None].repeat(8, 0)
    return Segmentation(label_map, np.zeros(count, np.int64), np.ones(count, np.float32))


def test_ids_stay_become_confirmed_and_know_their_first_image():
    identities = Identities()
    start_ns = 1_700_000_000_123_456_789
    for image in range(3):
        tracks = identities.update(two_things(), ns_to_time(start_ns + image * 33_000_000))
        assert [track.id for track in tracks] == [1, 2]
        assert [track.confirmed for track in tracks] == [image == 2] * 2
        assert all(track.first_seen == ns_to_time(start_ns) for track in tracks)


def test_an_interruption_ends_all_tracks_and_no_id_is_given_again():
    identities = Identities()
    identities.update(two_things(), ns_to_time(0))
    empty = Segmentation(np.full((8, 8), -1, np.int32), np.zeros(0, np.int64), np.zeros(0, "f4"))
    for expected in ([3, 4], [5, 6]):
        identities.interrupt()
        identities.update(empty, ns_to_time(5))
        identities.interrupt()
        tracks = identities.update(two_things(), ns_to_time(expected[0]))
        assert [track.id for track in tracks] == expected
        assert not any(track.confirmed for track in tracks)
        assert tracks[0].first_seen == ns_to_time(expected[0])
