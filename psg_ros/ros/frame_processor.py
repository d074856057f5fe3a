# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FrameProcessor: one image message in, its graph and pictures out. Runs in the worker's thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.clock import Clock

from psg_ros.frame import Frame, RawPicture
from psg_ros.labels import Vocabulary
from psg_ros.node_config import NodeConfig
from psg_ros.pictures.image_error import ImageError
from psg_ros.robot.pipeline import Measure, Pipeline
from psg_ros.robot.tracking.segment_tracker import SegmentTracker
from psg_ros.ros.arrivals import ArrivalCounts
from psg_ros.ros.conversions import (
    NANOSECONDS,
    FrameCounts,
    ns_to_time,
    scene_graph_to_msg,
    time_to_ns,
    timing_to_msg,
    vocabulary_to_msg,
)
from psg_ros.ros.deadline import Deadline
from psg_ros.ros.failure_log import AfterGraph
from psg_ros.ros.finished_frame import FinishedFrame
from psg_ros.ros.image_transports import COLOR_TRANSPORTS
from psg_ros.ros.outputs import Outputs
from psg_ros.ros.recent import Recent
from psg_ros.ros.spade_stage import SpadeStage
from psg_ros.ros.vocabulary_version import VocabularyVersion
from psg_ros.scene_graph import SceneGraph


@dataclass(frozen=True)
class ReceivedImage:
    """An image message, when it reached the node (on both clocks), and the counts with it.

    Attributes:
        message: its fields; or why it has none.
        measure: completes its frame with depth and what belongs to it; None where there is none.
        raw: its bytes, on their way to the device that decodes them; None where none does.
    """

    message: Any
    received: Time
    arrivals: ArrivalCounts
    measure: Measure | None = None
    raw: RawPicture | None = None
    received_s: float = field(default_factory=time.monotonic)


class FrameProcessor:
    """Everything that happens to a frame, and what is counted since activation.

    Attributes:
        recent: rate and age of the last graphs.
        deadline: how much is done for an image.

    Args:
        version: numbers the vocabularies; outlives this object.
        spade: an open-vocabulary stage beside the pipeline.
        dropped: returns the number of frames since activation that never had their turn before the
            current one.
        observers: called with every finished frame, whoever listens, in the worker's thread.
    """

    def __init__(
        self,
        config: NodeConfig,
        outputs: Outputs,
        version: VocabularyVersion,
        clock: Clock,
        spade: SpadeStage,
        dropped: Callable[[], int],
        observers: Sequence[Callable[[FinishedFrame], None]] = (),
    ) -> None:
        self._observers = observers
        self._outputs, self._clock, self._dropped = outputs, clock, dropped
        self._wanted_config = self._config = config
        self._decode = COLOR_TRANSPORTS[config.image_transport].decode
        self._version, self._spade = version, spade
        self._announced: Vocabulary | None = None
        self._announced_version = 0
        self.deadline = Deadline()
        self.restart()

    def restart(self) -> None:
        """Count graphs and tracks from the start; call while no frame is being processed."""
        # Not the node's clock: simulated time may be 0 at each of several activations.
        self._activated = ns_to_time(time.time_ns())
        self._sequence = self._failed = 0
        self.recent = Recent()
        self._restarted, self._interrupted = True, False

    def change_config(self, config: NodeConfig) -> None:
        """Use another configuration from the next frame on; callable from any thread."""
        self._wanted_config = config

    @property
    def graphs_and_failures(self) -> tuple[int, int]:
        """Graphs and images without one since activation. From any thread."""
        return self._sequence, self._failed

    def skip(self) -> None:
        """Note that an image is not worked on: nothing was followed meanwhile. From any thread."""
        self._interrupted = True

    def __call__(self, pipeline: Pipeline, image: ReceivedImage) -> None:
        """Publish the graph of one image and, where somebody listens, its pictures.

        Raises:
            ImageError: the message holds no image.
            AfterGraph: the graph was published, but an observer or a product failed.
            Exception: whatever the pipeline raises; nothing was published then.
        """
        try:
            self._apply_config(pipeline)
            frame = self._frame(image)
            self._prepare_tracker(pipeline.tracker)
            graph = self.deadline.graph(pipeline, frame, self._config, image.measure)
            if pipeline.vocabulary is not self._announced:
                self.publish_vocabulary(pipeline)
                self._outputs.deltas.demand_keyframe()
            graph = self._spade.see(frame, graph, pipeline.vocabulary, self._config)
            message = self._publish_graph(graph, image)
            self.deadline.done(graph, time.monotonic() - image.received_s, self._config)
        except Exception:
            self._failed += 1
            self.recent.failure()
            raise
        finished = FinishedFrame(
            frame, graph, message, self._vocabulary(pipeline), self._config, pipeline.input_hw
        )
        try:
            for observe in self._observers:
                observe(finished)
            self._outputs.publish_products(finished)
        except Exception as error:
            raise AfterGraph from error

    def publish_vocabulary(self, pipeline: Pipeline) -> None:
        """Publish the vocabulary; its version grows when it differs from the last one."""
        message = vocabulary_to_msg(
            self._vocabulary(pipeline),
            pipeline.model_name,
            pipeline.model_sha256,
            pipeline.relation_threshold,
        )
        self._version.assign(message)
        # Not the version's own number: another camera may have announced other words since.
        self._announced_version = message.version
        self._announced = pipeline.vocabulary
        message.header.stamp = self._clock.now().to_msg()
        self._outputs.vocabulary.publish(message)

    def _vocabulary(self, pipeline: Pipeline) -> Vocabulary:
        return self._spade.vocabulary(pipeline.vocabulary, self._config)

    def _apply_config(self, pipeline: Pipeline) -> None:
        wanted = self._wanted_config
        if wanted is not self._config:
            pipeline.replace_config(wanted)
            self._config = wanted
            self.publish_vocabulary(pipeline)

    def _frame(self, image: ReceivedImage) -> Frame:
        """Return the frame of an image message; its pixels stay in the message where they can."""
        if isinstance(image.message, ImageError):
            raise image.message
        header = image.message.header
        image_rgb = self._decode(image.message, self._config.max_megapixels)
        stamp_ns = time_to_ns(header.stamp)
        return Frame(image_rgb, stamp_ns=stamp_ns, frame_id=header.frame_id, raw=image.raw)

    def _prepare_tracker(self, tracker: SegmentTracker) -> None:
        """End the tracks where this image continues nothing. Here, in the worker's thread."""
        if self._restarted:
            self._restarted = False
            self.deadline.forget()
            self._spade.forget()
            tracker.restart()
        if self._interrupted:
            self._interrupted = False
            self.deadline.forget()
            self._spade.forget()
            tracker.interrupt()

    def _publish_graph(self, graph: SceneGraph, image: ReceivedImage) -> Any:
        message = scene_graph_to_msg(graph, image.message.header)
        message.camera = self._config.camera
        message.vocabulary_version = self._announced_version
        message.activated = self._activated
        message.sequence = self._sequence + 1
        now = self._clock.now()
        message.timing = timing_to_msg(
            graph.times, image.received, now.to_msg(), self._count(image.arrivals)
        )
        self._outputs.graph.publish(message)
        self._sequence += 1
        age_ns = now.nanoseconds - time_to_ns(image.message.header.stamp)
        self.recent.graph(age_ns / NANOSECONDS)
        return message

    def _count(self, arrivals: ArrivalCounts) -> FrameCounts:
        return FrameCounts(
            received=arrivals.received,
            dropped=arrivals.replaced + self._dropped(),
            failed=self._failed,
            skipped=arrivals.skipped,
            lost=arrivals.lost,
        )
