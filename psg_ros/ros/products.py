# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Products: what the node makes of finished frames beside the graph, each while somebody listens.

A new one is a class here or in a file of its own, in the tuple `PRODUCTS`, and a row in `topics`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np

from psg_ros.drawing.draw import overlay
from psg_ros.graph_messages import segment_ids
from psg_ros.node_config import NodeConfig
from psg_ros.ros.compressed_images import grey_to_png_msg, rgb_to_jpeg_msg, shrunk
from psg_ros.ros.conversions import rgb_to_msg, segmentation_to_msg
from psg_ros.ros.finished_frame import FinishedFrame
from psg_ros.ros.graph_deltas import GraphDeltas
from psg_ros.ros.label_names import LabelNames
from psg_ros.ros.markers import Markers
from psg_ros.ros.start import ANNOTATED_TOPIC, COMPRESSED_SUFFIX, SEGMENTATION_TOPIC
from psg_ros.ros.topics import OUTPUTS
from psg_ros.scene_graph import Segmentation


class Product(Protocol):
    """Makes the messages of one topic. There is one object per camera, so it may remember."""

    TOPIC: ClassVar[str]

    def is_offered(self, config: NodeConfig) -> bool:
        """Whether the parameters allow it at all."""
        ...

    def message(self, finished: FinishedFrame) -> Any:
        """Return what to publish; None for nothing this time. In the worker's thread."""
        ...


class LabelImage:
    """The segment of each pixel."""

    TOPIC: ClassVar[str] = SEGMENTATION_TOPIC

    def is_offered(self, config: NodeConfig) -> bool:
        return True

    def message(self, finished: FinishedFrame) -> Any:
        return segmentation_to_msg(_segmentation(finished), finished.header)


class CompressedLabelImage(LabelImage):
    """The same as PNG, without loss."""

    TOPIC: ClassVar[str] = SEGMENTATION_TOPIC + COMPRESSED_SUFFIX

    def message(self, finished: FinishedFrame) -> Any:
        return grey_to_png_msg(segment_ids(_segmentation(finished)), finished.header)


class AnnotatedImage:
    """The image with masks, names and relations drawn into it."""

    TOPIC: ClassVar[str] = ANNOTATED_TOPIC

    def is_offered(self, config: NodeConfig) -> bool:
        return config.annotated_image

    def message(self, finished: FinishedFrame) -> Any:
        return rgb_to_msg(annotated(finished), finished.header)


class CompressedAnnotatedImage(AnnotatedImage):
    """The same as JPEG."""

    TOPIC: ClassVar[str] = ANNOTATED_TOPIC + COMPRESSED_SUFFIX

    def message(self, finished: FinishedFrame) -> Any:
        quality = finished.config.jpeg_quality
        return rgb_to_jpeg_msg(annotated(finished), quality, finished.header)


def annotated(finished: FinishedFrame) -> np.ndarray:
    """Return the image with the graph drawn into it, uint8 [height, width, 3] RGB."""
    return finished.once(
        "annotated",
        lambda: overlay(
            finished.frame.image,
            finished.graph,
            finished.vocabulary,
            max_relations=finished.config.annotated_relations,
            track_ids=finished.graph.node_ids,
        ),
    )


def _segmentation(finished: FinishedFrame) -> Segmentation:
    segmentation = finished.graph.segmentation
    if finished.config.segmentation_size == "frame":
        return segmentation
    return finished.once("small", lambda: shrunk(segmentation, finished.model_hw))


_ALL: tuple[type[Product], ...] = (
    GraphDeltas,
    LabelImage,
    CompressedLabelImage,
    AnnotatedImage,
    CompressedAnnotatedImage,
    Markers,
    LabelNames,
)
PRODUCTS = tuple(product for product in _ALL if product.TOPIC in OUTPUTS)
"""Those whose messages are installed."""
