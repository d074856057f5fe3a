# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SpaceInput: what is known of an image besides its pixels: depth, camera, pose, gravity.

Whatever of it is missing costs no graph and no node, only what would have followed from it; the log
says what is missing and why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from psg_ros.frame import Camera, Frame, Pose
from psg_ros.node_config import NodeConfig, parse_direction
from psg_ros.pictures.image_error import ImageError
from psg_ros.quoting import plain
from psg_ros.robot.pipeline import Measure
from psg_ros.ros.aligned_depth import fitted, plausible
from psg_ros.ros.camera_model import camera_of
from psg_ros.ros.conversions import time_to_ns
from psg_ros.ros.depth_pairing import DepthPairing, PairingError, Wanted
from psg_ros.ros.image_transports import DEPTH_TRANSPORTS
from psg_ros.ros.matched_subscription import MatchedSubscription
from psg_ros.ros.start import CAMERA_INFO_TOPIC, DEPTH_SUFFIXES, DEPTH_TOPIC, camera_topic
from psg_ros.ros.tf_input import SharedTf
from psg_ros.ros.throttled_log import ThrottledLog
from psg_ros.ros.transforms import TransformBuffer, TransformError

PATIENCE_S = 2.0
"""What is missing for less than this is late at the start, or a stutter."""


class SpaceInput:
    """Listens to depth, camera_info and, where a frame is asked for, tf; until closed.

    The executor's thread makes and closes it and calls `measuring`; the worker calls what that
    returns.

    Attributes:
        problem: why the last image got no positions; "" where it did, or where none are wanted.

    Args:
        config: returns the configuration in force.
        tf: transforms, shared by the cameras of the node.
        camera: name of one of several cameras; "" for the only one.
    """

    def __init__(
        self, node: Node, config: Callable[[], NodeConfig], tf: SharedTf, camera: str = ""
    ) -> None:
        self._config, self._tf = config, tf
        self.problem = ""
        transport = config().depth_transport
        self._transport = DEPTH_TRANSPORTS[transport]
        depth_topic, self._info_topic = (
            node.resolve_topic_name(camera_topic(topic, camera, node.get_name()))
            for topic in (DEPTH_TOPIC, CAMERA_INFO_TOPIC)
        )
        depth_topic += DEPTH_SUFFIXES[transport]
        self._pairing: DepthPairing[Any] = DepthPairing(depth_topic)
        self._info: CameraInfo | None = None
        self._missing = ThrottledLog(node.get_logger().warning, PATIENCE_S)
        self._is_asked_for = bool(config().spatial_frame_id or config().gravity_frame_id)
        self._inputs = [
            MatchedSubscription(
                node, self._transport.kind, depth_topic, self._take_depth, depth=5, raw=True
            ),
            MatchedSubscription(node, CameraInfo, self._info_topic, self._take_info, depth=1),
        ]
        self._buffer: TransformBuffer | None = None
        self._no_tf = ""
        if self._is_asked_for:
            try:
                self._buffer = tf.join()
            except TransformError as error:
                self._no_tf = str(error)

    def close(self) -> None:
        """Unsubscribe; no callback runs afterwards."""
        for subscription in self._inputs:
            subscription.close()
        if self._buffer is not None:
            self._tf.leave()
            self._buffer = None

    def measuring(self, stamp_ns: int) -> Measure | None:
        """Return what completes the frame of an image that just came; keep it while that is wanted.

        None where nobody sends depth or asks for positions.
        """
        config = self._config()
        if not (self._pairing.has_heard or self._is_asked_for or config.camera_up):
            return None
        return partial(self._measure, self._pairing.want(stamp_ns, config.depth_slop_s))

    def _take_depth(self, serialized: bytes) -> None:
        try:
            message = self._transport.read(serialized)
        except ImageError as error:
            self._missing("depth that cannot be read", f"{self._pairing.topic}: {error}")
            return
        self._pairing.add(time_to_ns(message.header.stamp), message)

    def _take_info(self, message: CameraInfo) -> None:
        self._info = message

    def _measure(self, wanted: Wanted[Any], frame: Frame) -> Frame:
        config = self._config()
        parts: dict[str, Any] = {"up": self._upward(frame, config)}
        try:
            parts["depth"] = self._depth(wanted, frame, config)
            parts["camera"] = self._camera(frame, config)
            parts["pose"] = self._pose(frame, config)
        except (PairingError, ImageError, ValueError, TransformError) as error:
            # Who asks for gravity alone, or for nothing, does not miss depth.
            if self._pairing.has_heard or config.spatial_frame_id:
                self._missing("no positions", str(error))
                self.problem = f"no positions: {error}"
        else:
            self.problem = ""
        return dataclasses.replace(frame, **parts)

    def _depth(self, wanted: Wanted[Any], frame: Frame, config: NodeConfig) -> np.ndarray:
        message = wanted.take(config.depth_wait_s)
        self._check_frame(self._pairing.topic, message.header.frame_id, frame)
        depth = fitted(self._transport.decode(message, config.max_megapixels), frame.image_hw)
        return plausible(depth, config.max_depth_m)

    def _camera(self, frame: Frame, config: NodeConfig) -> Camera:
        info = self._info
        if info is None:
            raise ValueError(f"nothing has arrived on {self._info_topic}")
        self._check_frame(self._info_topic, info.header.frame_id, frame)
        return camera_of(info, frame.image_hw, rectified=config.rectified_images)

    def _pose(self, frame: Frame, config: NodeConfig) -> Pose:
        if not frame.frame_id:
            raise ValueError("the image names no frame (header.frame_id is empty)")
        target = config.spatial_frame_id
        if target in ("", frame.frame_id):
            return Pose(frame.frame_id)
        return self._look_up(target, frame, config)

    def _look_up(self, target: str, frame: Frame, config: NodeConfig) -> Pose:
        buffer = self._buffer
        if buffer is None:
            why = self._no_tf or "nothing is listened to"
            raise TransformError(f"no transform into {plain(target)}: {why}")
        assert frame.stamp_ns is not None
        return buffer.lookup(target, frame.frame_id, frame.stamp_ns, config.tf_tolerance_s)

    def _upward(self, frame: Frame, config: NodeConfig) -> tuple[float, float, float] | None:
        """Return the direction against gravity in the optical frame, None where nobody knows."""
        given = parse_direction(config.camera_up)
        target = config.gravity_frame_id
        spatial = config.spatial_frame_id
        if not target and spatial != frame.frame_id and not spatial.endswith("optical_frame"):
            target = spatial
        if given is not None or not target:
            return given
        try:
            right, down, away = self._look_up(target, frame, config).rotation[2].tolist()
        except TransformError as error:
            self._missing("gravity is not known", str(error))
            return None
        return right, down, away

    @staticmethod
    def _check_frame(topic: str, frame_id: str, frame: Frame) -> None:
        if frame_id and frame.frame_id and frame_id.lstrip("/") != frame.frame_id.lstrip("/"):
            raise ValueError(
                f"{topic} is of frame {plain(frame_id)}, the image of {plain(frame.frame_id)}: "
                "use depth that is aligned to the image (on a RealSense, "
                "aligned_depth_to_color/image_raw) and the camera_info of the image"
            )
