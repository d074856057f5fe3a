# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CameraStream: one camera, with all that is its own: topics, tracks, state, counters."""

from __future__ import annotations

from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future
from rclpy.timer import Timer

from psg_ros.node_config import NodeConfig
from psg_ros.pictures.image_error import ImageError
from psg_ros.robot.pipeline import Pipeline
from psg_ros.ros.arrivals import ArrivalCounts, Arrivals
from psg_ros.ros.camera_services import CameraServices
from psg_ros.ros.conversions import time_to_ns
from psg_ros.ros.demand import Demand
from psg_ros.ros.failure_log import FailureLog
from psg_ros.ros.frame_processor import FrameProcessor, ReceivedImage
from psg_ros.ros.graph_memory import GraphMemory
from psg_ros.ros.health import CameraFacts, ImageCounts
from psg_ros.ros.image_input import ImageInput
from psg_ros.ros.image_upload import begin_upload
from psg_ros.ros.outputs import TELLS_MATCHES, Outputs
from psg_ros.ros.rate_limit import RateLimit
from psg_ros.ros.snapshots import Snapshots
from psg_ros.ros.space_input import SpaceInput
from psg_ros.ros.spade_stage import SpadeProcess, SpadeStage
from psg_ros.ros.tf_input import SharedTf
from psg_ros.ros.vocabulary_version import VocabularyVersion
from psg_ros.ros.worker import Worker

DEMAND_PERIOD_S = 1.0 if TELLS_MATCHES else 0.1
"""How often to look whether somebody still listens; whether anybody does, where ROS does not tell.
"""


class CameraStream:
    """From the images of one camera to what is published about them.

    Made while the node is being configured. `process` and `fail` run in the worker's thread,
    everything else in the executor's.

    Args:
        config: of this camera; its `camera` is the name that graphs carry.
        name: of one of several cameras, which its topics have before them; "" for the only one.
        pipeline: the model, with tracks of this camera alone.
        source: the number of this camera for the worker.
        tf: transforms, shared by the cameras of the node.
        spade: an open-vocabulary stage, where there is one.

    Attributes:
        demand: whether anybody wants graphs; services that give them `ask` it.
    """

    def __init__(
        self,
        node: LifecycleNode,
        config: NodeConfig,
        name: str,
        pipeline: Pipeline,
        version: VocabularyVersion,
        worker: Worker[Pipeline, ReceivedImage],
        source: int,
        tf: SharedTf,
        spade: SpadeProcess | None = None,
    ) -> None:
        self._node, self._config, self.name = node, config, name
        self._pipeline, self._worker, self._source = pipeline, worker, source
        self._tf = tf
        self._input: ImageInput | None = None
        self._space: SpaceInput | None = None
        self._demand_timer: Timer | None = None
        self._limit = RateLimit()
        self._snapshots = Snapshots()
        self.memory = GraphMemory()
        self.is_paused = False
        self.outputs = Outputs(node, name, self.follow_demand)
        self.demand = Demand(lambda: self.outputs.are_wanted(self._config))
        of = f"{name}: " if name else ""
        self._spade = SpadeStage(spade, lambda text: node.get_logger().warning(f"{of}{text}"))
        self.processor = FrameProcessor(
            config,
            self.outputs,
            version,
            node.get_clock(),
            self._spade,
            lambda: worker.dropped_before(source),
            observers=(self.memory.remember, self._snapshots.write),
        )
        self._services = CameraServices(node, self, name)
        self.fail = FailureLog(lambda text: node.get_logger().error(f"{of}{text}"))

    def activate(self) -> None:
        """Subscribe and count graphs from 1; call while the worker is paused."""
        self.is_paused = False
        self.memory.forget()
        self.processor.restart()
        self.processor.publish_vocabulary(self._pipeline)
        self._input = ImageInput(self._node, self._config, self._on_image, self.name)
        self._node.get_logger().info(f"listening to {self._input.topic}")
        self.follow_demand()
        # Steady time: listeners come and go even when simulated time stands still.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._demand_timer = self._node.create_timer(
            DEMAND_PERIOD_S, self.follow_demand, clock=clock
        )

    def deactivate(self) -> None:
        """Unsubscribe; no image comes afterwards."""
        if self._demand_timer is not None:
            self._node.destroy_timer(self._demand_timer)
            self._demand_timer = None
        if self._input is not None:
            self._input.close()
            self._input = None
        self._close_space()
        self._snapshots.expire("the node was deactivated", now=True)

    @property
    def is_active(self) -> bool:
        """Whether images are listened to, or would be if anybody wanted graphs."""
        return self._input is not None

    def ask(self) -> None:
        """Have graphs made for a while, although nobody may listen."""
        self.demand.ask()
        self.follow_demand()

    def set_paused(self, paused: bool) -> None:
        """Skip images, or work on them again; nothing is followed over a pause."""
        self.is_paused = paused
        self.processor.skip()

    def reset_tracks(self) -> None:
        """End all tracks: what comes next has new ids."""
        self.processor.skip()

    def demand_keyframe(self) -> None:
        """Have the next delta hold the whole graph."""
        self.outputs.deltas.demand_keyframe()

    def request_spade(self) -> str:
        """Have SPADE look at the next frame; returns why that cannot be, or ""."""
        return self._spade.request()

    def request_snapshot(self) -> Future:
        """Return what becomes the folder with the next frame; see `Snapshots`."""
        return self._snapshots.request(self._config)

    def follow_demand(self) -> None:
        """Subscribe when somebody wants graphs, unsubscribe when nobody has for a while."""
        if self._input is None:
            return
        self._snapshots.expire(f"no image arrived on {self._input.topic}")
        if not self._config.lazy or self.demand.is_present():
            self._wake()
        elif self._input.awake and self.demand.is_gone():
            self._input.rest()
            self._close_space()
            self.processor.skip()
        if self._config.lazy and not self._input.awake:
            self._tell_of_rest()

    def _wake(self) -> None:
        assert self._input is not None
        self._input.wake()
        if self._space is None:
            self._space = SpaceInput(self._node, lambda: self._config, self._tf, self.name)

    def _close_space(self) -> None:
        if self._space is not None:
            self._space.close()
            self._space = None

    def close(self) -> None:
        """Unsubscribe and withdraw the topics; call after the worker's end."""
        self.deactivate()
        self._spade.close()
        self._services.close()
        self.outputs.close()

    def change_config(self, config: NodeConfig) -> None:
        """Use another configuration from the next image on."""
        self._config = config
        # At once: while no image comes, new words and thresholds are checked and told by it.
        self._pipeline.replace_config(config)
        self.processor.change_config(config)
        self.follow_demand()

    def facts(self) -> CameraFacts | None:
        """Return what is known of the camera's health; None while the node is not active."""
        source = self._input
        if source is None:
            return None
        return CameraFacts(
            topic=source.topic,
            awake=source.awake,
            offer=source.offer.describe(),
            num_publishers=len(source.offer.publishers()),
            understood=bool(source.offer.reliabilities()),
            fits=source.fits,
            elsewhere=source.offer.describe_elsewhere(),
            silent_s=source.silent_s,
            patience_s=self._config.silence_s,
            counts=self._counts(source.counts),
            recent=self.processor.recent.summary(),
            paused=self.is_paused,
            rung=self.processor.deadline.ladder.rung,
            typical_ms=self.processor.deadline.ladder.typical_ms,
            deadline_ms=self._config.deadline_ms,
            space=self._space.problem if self._space else "",
            loss=source.loss_warning(),
            last_failure=self.fail.last,
        )

    def _counts(self, arrived: ArrivalCounts) -> ImageCounts:
        # In this order: what the worker finishes meanwhile is still in work for us.
        graphs, failed = self.processor.graphs_and_failures
        dropped = arrived.replaced + self._worker.dropped(self._source)
        done = graphs + failed + dropped + arrived.skipped
        return ImageCounts(
            received=arrived.received,
            graphs=graphs,
            dropped=dropped,
            failed=failed,
            skipped=arrived.skipped,
            in_work=arrived.received - done,
            lost=arrived.lost,
        )

    def process(self, image: ReceivedImage) -> None:
        """Work on one image; see `FrameProcessor`."""
        self.processor(self._pipeline, image)

    def _on_image(self, message: Any, arrivals: Arrivals) -> None:
        if self.is_paused:
            arrivals.skip()
        elif not self.demand.is_present():
            arrivals.skip()
            self.processor.skip()
            self._tell_of_rest()
        elif not self._limit.lets_through(self._config.max_rate):
            arrivals.skip()
        else:
            self._worker.put(self._received(message, arrivals), self._source)

    def _received(self, message: Any, arrivals: Arrivals) -> ReceivedImage:
        now = self._node.get_clock().now().to_msg()
        if isinstance(message, ImageError):
            return ReceivedImage(message, now, arrivals.counts)
        measure = self._space.measuring(time_to_ns(message.header.stamp)) if self._space else None
        raw = begin_upload(message, self._pipeline, self._config)
        return ReceivedImage(message, now, arrivals.counts, measure, raw)

    def _tell_of_rest(self) -> None:
        self._node.get_logger().info(
            "nobody subscribes to the graph or a picture: images are skipped until somebody does",
            once=True,
        )
