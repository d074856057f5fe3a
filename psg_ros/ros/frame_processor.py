# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FrameProcessor: one image message in, its graph and pictures out. Runs in the worker's thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.clock import Clock

from psg_ros.drawing.draw import overlay
from psg_ros.frame import Frame
from psg_ros.node_config import NodeConfig
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.tracking.segment_tracker import SegmentTracker
from psg_ros.ros.arrivals import ArrivalCounts
from psg_ros.ros.conversions import (
    FrameCounts,
    ns_to_time,
    rgb_to_msg,
    scene_graph_to_msg,
    segmentation_to_msg,
    time_to_ns,
    timing_to_msg,
    vocabulary_to_msg,
)
from psg_ros.ros.image_input import DECODERS
from psg_ros.ros.outputs import Outputs, is_wanted
from psg_ros.ros.vocabulary_version import VocabularyVersion
from psg_ros.scene_graph import SceneGraph


@dataclass(frozen=True)
class ReceivedImage:
    """An image message, when it reached the node (node clock), and the counts with it."""

    message: Any
    received: Time
    arrivals: ArrivalCounts


class FrameProcessor:
    """Everything that happens to a frame, and what is counted since activation.

    Args:
        version: numbers the vocabularies; outlives this object.
        dropped: returns the number of frames since activation that never had their turn before the
            current one.
    """

    def __init__(
        self,
        config: NodeConfig,
        outputs: Outputs,
        version: VocabularyVersion,
        clock: Clock,
        dropped: Callable[[], int],
    ) -> None:
        self._outputs, self._clock, self._dropped = outputs, clock, dropped
        self._wanted_config = self._config = config
        self._decode = DECODERS[config.image_transport][1]
        self._version = version
        self.restart()

    def restart(self) -> None:
        """Count graphs and tracks from the start; call while no frame is being processed."""
        # Not the node's clock: simulated time may be 0 at each of several activations.
        self._activated = ns_to_time(time.time_ns())
        self._sequence = self._failed = 0
        self._restarted, self._interrupted = True, False

    def change_config(self, config: NodeConfig) -> None:
        """Use another configuration from the next frame on; callable from any thread."""
        self._wanted_config = config

    def skip(self) -> None:
        """Note that an image is not worked on: nothing was followed meanwhile. From any thread."""
        self._interrupted = True

    def __call__(self, pipeline: Pipeline, image: ReceivedImage) -> None:
        """Publish the graph of one image and, where somebody listens, its pictures.

        Raises:
            ImageError: the message holds no image.
            Exception: whatever the pipeline raises; nothing was published then. Or whatever drawing
                raises, after the graph.
        """
        try:
            self._apply_config(pipeline)
            frame = self._frame(image.message)
            self._prepare_tracker(pipeline.tracker)
            graph = pipeline(frame)
            self._publish_graph(graph, image)
        except Exception:
            self._failed += 1
            raise
        header = image.message.header
        if is_wanted(self._outputs.segmentation):
            self._outputs.segmentation.publish(segmentation_to_msg(graph.segmentation, header))
        if self._config.annotated_image and is_wanted(self._outputs.annotated):
            drawn = self._draw(frame.image, graph, pipeline)
            self._outputs.annotated.publish(rgb_to_msg(drawn, header))

    def publish_vocabulary(self, pipeline: Pipeline) -> None:
        """Publish the vocabulary; its version grows when it differs from the last one."""
        message = vocabulary_to_msg(
            pipeline.vocabulary,
            pipeline.model_name,
            pipeline.model_sha256,
            pipeline.relation_threshold,
        )
        self._version.assign(message)
        message.header.stamp = self._clock.now().to_msg()
        self._outputs.vocabulary.publish(message)

    def _apply_config(self, pipeline: Pipeline) -> None:
        wanted = self._wanted_config
        if wanted is not self._config:
            pipeline.replace_config(wanted)
            self._config = wanted
            self.publish_vocabulary(pipeline)

    def _frame(self, message: Any) -> Frame:
        """Return the frame of an image message; its pixels stay in the message where they can."""
        header = message.header
        image_rgb = self._decode(message, self._config.max_megapixels)
        return Frame(image_rgb, stamp_ns=time_to_ns(header.stamp), frame_id=header.frame_id)

    def _prepare_tracker(self, tracker: SegmentTracker) -> None:
        """End the tracks where this image continues nothing. Here, in the worker's thread."""
        if self._restarted:
            self._restarted = False
            tracker.restart()
        if self._interrupted:
            self._interrupted = False
            tracker.interrupt()

    def _publish_graph(self, graph: SceneGraph, image: ReceivedImage) -> None:
        message = scene_graph_to_msg(graph, image.message.header)
        message.camera = self._config.camera
        message.vocabulary_version = self._version.number
        message.activated = self._activated
        message.sequence = self._sequence + 1
        now = self._clock.now().to_msg()
        message.timing = timing_to_msg(
            graph.times, image.received, now, self._count(image.arrivals)
        )
        self._outputs.graph.publish(message)
        self._sequence += 1

    def _count(self, arrivals: ArrivalCounts) -> FrameCounts:
        return FrameCounts(
            received=arrivals.received,
            dropped=arrivals.replaced + self._dropped(),
            failed=self._failed,
            skipped=arrivals.skipped,
            lost=arrivals.lost,
        )

    def _draw(self, image_rgb: np.ndarray, graph: SceneGraph, pipeline: Pipeline) -> np.ndarray:
        return overlay(
            image_rgb,
            graph,
            pipeline.vocabulary,
            max_relations=self._config.annotated_relations,
            track_ids=graph.node_ids,
        )
