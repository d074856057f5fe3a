# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The version grows with every change of a vocabulary, and only then."""

import pytest

pytest.importorskip("psg_ros.msg", reason="needs ROS 2 and our messages")

from psg_ros.msg import ClassInfo, GraphVocabulary, PredicateInfo
from psg_ros.ros.vocabulary_version import VocabularyVersion


def vocabulary(name="cat", threshold=0.5, **fields):
    predicate = PredicateInfo(name="on", threshold=threshold)
    return GraphVocabulary(classes=[ClassInfo(name=name)], predicates=[predicate], **fields)


def test_every_difference_counts_but_the_time_does_not():
    version = VocabularyVersion()
    assert version.number == 0
    stamped = vocabulary()
    stamped.header.stamp.sec = 9
    announced = [
        (vocabulary(), 1),
        (stamped, 1),
        (vocabulary("dog"), 2),
        (vocabulary("dog", threshold=0.25), 3),
        (vocabulary("dog", threshold=0.25, model_sha256="ab"), 4),
        (vocabulary("dog", threshold=0.25, model_sha256="ab", model_name="new"), 5),
        (vocabulary(), 6),
    ]
    for message, expected in announced:
        version.assign(message)
        assert message.version == version.number == expected
