# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the rules look at: kinds, borders, boxes in the image and, with depth, in space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from psg_ros.robot.geometry.contacts import GRID_COLUMNS, Contacts, find_contacts
from psg_ros.robot.geometry.extents import Extents, measure_extents
from psg_ros.robot.geometry.kinds import Kinds, KindTable
from psg_ros.robot.geometry.upright import quarter_turns, turn_boxes
from psg_ros.robot.ops.regions import Regions
from psg_ros.scene_graph import Segmentation

Rays = Callable[[int], np.ndarray]
"""Returns x / z and y / z, float [row, column, 2], of one of every so many rows and columns."""


@dataclass(frozen=True)
class GeometricFacts:
    """Of N segments.

    Attributes:
        boxes: float64 [segment, 4]; xyxy in cells of the grid that contacts are counted in.
        areas: int64 [segment]; px.
        extents: None without depth.
    """

    kinds: Kinds
    contacts: Contacts
    boxes: np.ndarray
    areas: np.ndarray
    extents: Extents | None

    @property
    def width(self) -> np.ndarray:
        """float64 [segment], cells."""
        return self.boxes[:, 2] - self.boxes[:, 0]

    @property
    def height(self) -> np.ndarray:
        """float64 [segment], cells."""
        return self.boxes[:, 3] - self.boxes[:, 1]


def gather_facts(
    segmentation: Segmentation,
    regions: Regions,
    kinds: KindTable,
    depth: np.ndarray | None = None,
    rays: Rays | None = None,
    up: tuple[float, float, float] | None = None,
) -> GeometricFacts:
    """Measure the segments of an image.

    Args:
        depth: float32 [height, width], metres; not a number, or 0, where unknown.
        rays: of the camera that took both; only with depth.
        up: direction against gravity in the camera's optical frame; None: the image is upright, and
            depth shows the ground.
    """
    of_segment = kinds(segmentation.labels)
    count = segmentation.num_segments
    turns = 0 if up is None else quarter_turns(up)
    upright = np.rot90(segmentation.label_map, turns)
    contacts = find_contacts(upright, count, None if depth is None else np.rot90(depth, turns))
    boxes = turn_boxes(regions.bbox_xyxy, segmentation.image_hw, turns)
    step = max(1, upright.shape[1] // GRID_COLUMNS)
    extents = None
    if depth is not None and rays is not None:
        # A box needs fewer points than a border.
        label_map, depth = (
            array[:: 2 * step, :: 2 * step] for array in (segmentation.label_map, depth)
        )
        against_gravity = None if up is None else np.array([up[0], -up[1], up[2]])
        extents = measure_extents(
            label_map, depth, rays(2 * step), of_segment.ground, against_gravity
        )
    return GeometricFacts(of_segment, contacts, boxes / step, regions.area, extents)
