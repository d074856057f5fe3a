# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BagCamera: what becomes of the images of one topic of a bag."""

from __future__ import annotations

import math
from typing import Any

from psg_ros.bags.bag_file import BagFile
from psg_ros.bags.job import BagJob
from psg_ros.bags.message_types import bag_types, full_name
from psg_ros.config import DeltaConfig
from psg_ros.frame import Frame
from psg_ros.graph_delta import DeltaEncoder
from psg_ros.graph_messages import FrameCounts, MessageFactory
from psg_ros.media.bag_reading import DECODERS, nanoseconds
from psg_ros.robot.pipeline import Measure, Pipeline
from psg_ros.ros.start import (
    DELTA_TOPIC,
    GRAPH_TOPIC,
    NODE_NAME,
    SEGMENTATION_TOPIC,
    VOCABULARY_TOPIC,
    camera_topic,
)
from psg_ros.scene_graph import SceneGraph, StageTimes

_UNTIMED = StageTimes(math.nan, math.nan, math.nan)


class BagCamera:
    """One image topic: its tracks and counts, and the topics that are written for it.

    Attributes:
        num_seen, num_failed: images so far, and those of them that gave no graph.

    Args:
        pipeline: the model, with tracks of this camera alone.
        topic: of its images; goes before the names of its other topics where there are several.
    """

    def __init__(self, pipeline: Pipeline, bag: BagFile, topic: str, job: BagJob) -> None:
        self._pipeline, self._bag, self.topic = pipeline, bag, topic
        self._name = topic.strip("/") if len(job.topics) > 1 else ""
        self._max_megapixels = job.selection.max_megapixels
        self._factory = MessageFactory(bag_types())
        self._graphs = self._topic(GRAPH_TOPIC, "SceneGraph")
        self._vocabulary = self._topic(VOCABULARY_TOPIC, "GraphVocabulary", latched=True)
        self._label_images = (
            self._topic(SEGMENTATION_TOPIC, "Image") if job.selection.label_images else None
        )
        self._deltas = self._topic(DELTA_TOPIC, "GraphDelta") if job.selection.deltas else None
        self._encoder = DeltaEncoder(DeltaConfig())
        self._activated_ns: int | None = None  # a recording may begin at 0
        self._sequence = self.num_seen = self.num_failed = 0

    def take(self, image: Any, kind: str, time_ns: int, measure: Measure) -> None:
        """Write what one image message gives.

        Args:
            measure: adds depth to a frame, where there is some; see `Pipeline`.

        Raises:
            ImageError: it is none.
        """
        activated_ns = self._begin(time_ns)
        image_rgb = DECODERS[kind](image, self._max_megapixels)
        stamp, frame_id = image.header.stamp, image.header.frame_id
        frame = Frame(image_rgb, stamp_ns=nanoseconds(stamp), frame_id=frame_id)
        graph = self._pipeline(frame, measure)
        self._sequence += 1
        types = self._factory.types
        header = types.Header(
            stamp=types.Time(sec=stamp.sec, nanosec=stamp.nanosec), frame_id=frame_id
        )
        message = self._graph(graph, header, time_ns, activated_ns)
        self._bag.write(self._graphs, time_ns, message)
        if self._deltas is not None:
            delta = self._factory.delta(self._encoder.encode(message, time_ns))
            self._bag.write(self._deltas, time_ns, delta)
        if self._label_images is not None:
            picture = self._factory.segmentation(graph.segmentation, header)
            self._bag.write(self._label_images, time_ns, picture)

    def _topic(self, topic: str, kind: str, latched: bool = False) -> Any:
        return self._bag.add_topic(_written_name(topic, self._name), full_name(kind), latched)

    def _begin(self, time_ns: int) -> int:
        """Return when the node would have been activated: before the first image, which is now."""
        if self._activated_ns is not None:
            return self._activated_ns
        self._activated_ns = time_ns
        pipeline = self._pipeline
        message = self._factory.vocabulary(
            pipeline.vocabulary,
            pipeline.model_name,
            pipeline.model_sha256,
            pipeline.relation_threshold,
        )
        message.version = 1
        message.header.stamp = self._factory.time(time_ns)
        self._bag.write(self._vocabulary, time_ns, message)
        return time_ns

    def _graph(self, graph: SceneGraph, header: Any, time_ns: int, activated_ns: int) -> Any:
        factory = self._factory
        message = factory.scene_graph(graph, header)
        message.camera = self._name
        message.vocabulary_version = 1
        message.activated = factory.time(activated_ns)
        message.sequence = self._sequence
        counts = FrameCounts(self._sequence + self.num_failed, 0, self.num_failed, 0, 0)
        recorded = factory.time(time_ns)
        message.timing = factory.timing(_UNTIMED, recorded, recorded, counts)
        return message


def _written_name(topic: str, camera: str) -> str:
    """Return the name that a topic of the node has by default."""
    name = camera_topic(topic, camera, NODE_NAME)
    return f"/{name.replace('~', NODE_NAME)}"
