# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated world: physics and rendering give pictures with exact panoptic scene graphs.

Names and functions are here; MuJoCo (extra ``simulation``) is imported when a scene is
made, so the vocabulary can be read without it.
"""

from psg_ros.simulation.camera import SimulatedCamera
from psg_ros.simulation.catalog import CLASSES, PREDICATES, STUFF_CLASSES, THING_CLASSES
from psg_ros.simulation.dataset import generate_dataset
from psg_ros.simulation.frame import SimulatedFrame

__all__ = [
    "CLASSES",
    "PREDICATES",
    "STUFF_CLASSES",
    "THING_CLASSES",
    "SimulatedCamera",
    "SimulatedFrame",
    "generate_dataset",
]
