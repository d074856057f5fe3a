# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stage 2 reads of one image: the network input, overlap ratios and boxes of its segments.

Without torch, so that the processes that read pictures start fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import read_picture
from psg_ros.robot.forms.relations import relative_boxes
from psg_ros.robot.ops.image import Placement, padding_rgb, place, resize_nearest, write_content
from psg_ros.robot.ops.overlap import overlap_ratios
from psg_ros.robot.ops.panoptic import MergedMasks
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import VOID, Segmentation
from psg_ros.training.segmenter.three_augment import flips, three_augment


@dataclass(frozen=True)
class SampleFormat:
    """How a model takes pictures and segments.

    Attributes:
        input_hw, scaling: of the network input, see `psg_ros.robot.ops.image`.
        grid_hw, cell_px: cells of the relation stage, and network-input px per cell.
        stride: network-input px per element of the maps that overlap ratios are pooled from.
    """

    input_hw: tuple[int, int]
    scaling: str
    grid_hw: tuple[int, int]
    cell_px: tuple[int, int]
    stride: int = 1

    def place(self, image_hw: tuple[int, int]) -> Placement:
        """Return where an image lies in the network input."""
        return place(image_hw, self.input_hw, self.scaling)


@dataclass(frozen=True)
class Picture:
    """One image as stage 2 needs it.

    Attributes:
        item: the annotation, mirrored where the picture is; its file is not.
        pixels: uint8 [h, w, 3], RGB; the network input.
        overlap: float32 [segment, cell]; share of each relation cell under each true segment.
        boxes: float32 [segment, 4]; xyxy in -1..1 of the network input.
    """

    item: AnnotatedImage
    pixels: np.ndarray
    overlap: np.ndarray
    boxes: np.ndarray


@dataclass(frozen=True)
class PictureSet:
    """A data set and how to read from it; item `epoch * len(images) + index` is of that epoch.

    Attributes:
        images: annotated images.
        chosen: which of them, int64.
        augmentation: see `RelationTraining`; its draws depend on (seed, epoch, index) alone.
    """

    images: Sequence[AnnotatedImage]
    chosen: np.ndarray
    format: SampleFormat
    augmentation: str = "none"
    seed: int = 0


def read_numbered(pictures: PictureSet, number: int) -> Picture:
    """Read one image of a `PictureSet`; see there for `number`."""
    epoch, index = divmod(number, len(pictures.chosen))
    item = pictures.images[int(pictures.chosen[index])]
    image = read_picture(item)
    if pictures.augmentation == "none":
        return describe(item, network_input(image, pictures.format), pictures.format)
    rng = np.random.default_rng((pictures.seed, epoch, index))
    if flips(rng):
        item, image = mirrored(item), image[:, ::-1]
    pixels = network_input(image, pictures.format)
    height, width = pictures.format.place(image.shape[:2]).content_hw
    pixels[:height, :width] = three_augment(np.ascontiguousarray(pixels[:height, :width]), rng)
    return describe(item, pixels, pictures.format)


def network_input(image: np.ndarray, format: SampleFormat) -> np.ndarray:
    """Return uint8 [H, W, 3], scaled and padded as the deployed segmenter does it."""
    colour = np.array(padding_rgb(format.scaling), np.uint8)
    padded = np.tile(colour, (*format.input_hw, 1))
    height, width = format.place(image.shape[:2]).content_hw
    write_content(np.ascontiguousarray(image), padded[:height, :width], format.scaling)
    return padded


def mirrored(item: AnnotatedImage) -> AnnotatedImage:
    """Return the annotation of the picture with left and right exchanged."""
    segmentation = item.segmentation
    label_map = np.ascontiguousarray(segmentation.label_map[:, ::-1])
    return replace(item, segmentation=replace(segmentation, label_map=label_map))


def describe(item: AnnotatedImage, pixels: np.ndarray, format: SampleFormat) -> Picture:
    """Return overlaps and boxes of the true segments, as the deployed stage would compute them."""
    masks = merged_truth(item.segmentation, format)
    return Picture(item, pixels, *describe_masks(masks, format))


def merged_truth(segmentation: Segmentation, format: SampleFormat) -> MergedMasks:
    """Return true segments in the form in which the merge of inferred ones gives them."""
    placement = format.place(segmentation.image_hw)
    content = resize_nearest(segmentation.label_map, placement.content_hw, placement.image_hw)
    if format.stride > 1:
        height, width = content.shape
        rest = [(0, -size % format.stride) for size in (height, width)]
        middle = slice(format.stride // 2, None, format.stride)
        content = np.pad(content, rest, constant_values=VOID)[middle, middle]
    return MergedMasks(segmentation, content, format.stride)


def describe_masks(masks: MergedMasks, format: SampleFormat) -> tuple[np.ndarray, np.ndarray]:
    """Return overlap ratios float32 [segment, cell] and boxes float32 [segment, 4]."""
    segmentation = masks.segmentation
    count = segmentation.num_segments
    overlap = overlap_ratios(masks.content_map, masks.stride, count, format.grid_hw, format.cell_px)
    regions = measure_regions(segmentation.label_map, count)
    return overlap, relative_boxes(regions.bbox_xyxy, format.place(segmentation.image_hw))
