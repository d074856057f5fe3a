# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations that follow from where segments lie, without a relation stage.

From masks alone, and better from masks with depth: what touches what from which side (`contacts`),
how far away and how large things are (`extents`), and one written rule per predicate (`rules`).
"""

from psg_ros.robot.geometry.evidence import Evidence
from psg_ros.robot.geometry.facts import GeometricFacts, gather_facts
from psg_ros.robot.geometry.geometry import Geometry, no_scores
from psg_ros.robot.geometry.kinds import KindTable
from psg_ros.robot.geometry.relations import Relater

__all__ = [
    "Evidence",
    "GeometricFacts",
    "Geometry",
    "KindTable",
    "Relater",
    "gather_facts",
    "no_scores",
]
