# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Contact sheet: pictures of a data set side by side, segments drawn, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import PanopticDataset, read_picture
from psg_ros.drawing.annotated_files import write_image
from psg_ros.drawing.chips import chip_box, chip_size, paint_chip
from psg_ros.drawing.draw import overlay
from psg_ros.labels import Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.image import place, resize_nearest, write_content
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import SceneGraph, Segmentation

SHEET_FILE = "contact_sheet.jpg"
COLUMNS = 4
CELL_HW = (288, 384)
GAP_PX = 6
NAME_PX = 7.0
NAME_BACKGROUND = (255, 255, 255)
VOID_LIGHT = 0.25
"""Of a picture where it is void: what nobody is sure of stays dark."""


def write_contact_sheet(
    path: Path, dataset: PanopticDataset, vocabulary: Vocabulary, num_pictures: int
) -> None:
    """Draw pictures spread evenly over a data set, as its files say, into one image file."""
    count = min(num_pictures, len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()
    write_image(path, grid([draw_cell(dataset[index], vocabulary) for index in chosen]))


def grid(cells: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures of the size `CELL_HW` in rows of `COLUMNS`, uint8 RGB."""
    height, width = CELL_HW
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    shape = (rows * (height + GAP_PX) - GAP_PX, columns * (width + GAP_PX) - GAP_PX, 3)
    sheet = np.full(shape, 255, np.uint8)
    for index, cell in enumerate(cells):
        top = index // columns * (height + GAP_PX)
        left = index % columns * (width + GAP_PX)
        sheet[top : top + height, left : left + width] = cell
    return sheet


def draw_cell(item: AnnotatedImage, vocabulary: Vocabulary) -> np.ndarray:
    """Return one picture with its segments, fitted into uint8 `CELL_HW` RGB."""
    said = item.segmentation
    placement = place(said.image_hw, CELL_HW)
    height, width = placement.content_hw
    image = np.zeros((height, width, 3), np.uint8)
    write_content(read_picture(item), image)
    label_map = resize_nearest(said.label_map, (height, width), said.image_hw)
    label_map = np.ascontiguousarray(label_map)
    is_void = label_map < 0
    image[is_void] = (image[is_void] * VOID_LIGHT).astype(np.uint8)
    small = Segmentation(label_map, said.labels, said.scores)
    nodes = describe_nodes(small, measure_regions(label_map, small.num_segments), vocabulary)
    drawn = overlay(image, SceneGraph(small, nodes, ()), vocabulary, max_relations=0)
    _paint_name(drawn, item.image_id)
    top, left = (CELL_HW[0] - height) // 2, (CELL_HW[1] - width) // 2
    bottom, right = CELL_HW[0] - height - top, CELL_HW[1] - width - left
    return cv2.copyMakeBorder(
        drawn, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )


def _paint_name(drawn: np.ndarray, name: str) -> None:
    """Write the id of a picture into its lower left corner, if there is room."""
    width, height = chip_size(name, NAME_PX)
    if width <= drawn.shape[1] and height <= drawn.shape[0]:
        centre = (width / 2, drawn.shape[0] - height / 2)
        paint_chip(drawn, chip_box(centre, (width, height)), name, NAME_PX, NAME_BACKGROUND)
