# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The generated classes of all messages that we make, in one place for `MessageFactory`."""

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Vector3
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from psg_ros.msg import (
    ClassInfo,
    GraphDelta,
    GraphVocabulary,
    PipelineTiming,
    PredicateInfo,
    RelationKey,
    SceneGraph,
    SceneNode,
    SceneRelation,
)

__all__ = [
    "ClassInfo",
    "GraphDelta",
    "GraphVocabulary",
    "Header",
    "Image",
    "PipelineTiming",
    "Point",
    "PredicateInfo",
    "RegionOfInterest",
    "RelationKey",
    "SceneGraph",
    "SceneNode",
    "SceneRelation",
    "Time",
    "Vector3",
]
