# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TfInput: the subscriptions to /tf and /tf_static that keep a TransformBuffer up to date.

SharedTf: one of them for all cameras of a node.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile

from psg_ros.ros.throttled_log import ThrottledLog
from psg_ros.ros.transforms import TransformBuffer, TransformError

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # not in every installation; without a frame to go to nobody needs it
    TFMessage = None

# As tf2's own listener has it.
TF_QOS = QoSProfile(depth=100)
TF_STATIC_QOS = QoSProfile(depth=100, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


class TfInput:
    """Fills a buffer until closed; in the executor's thread.

    Args:
        complain: told of a transform that was refused.

    Raises:
        TransformError: the messages of tf2 are not installed.
    """

    def __init__(
        self, node: Node, buffer: TransformBuffer, complain: Callable[[str], None]
    ) -> None:
        if TFMessage is None:
            raise TransformError("tf2_msgs is not installed (ros-DISTRO-tf2-msgs)")
        self._node, self._buffer, self._complain = node, buffer, complain
        self._subscriptions = [
            node.create_subscription(TFMessage, topic, receive, qos)
            for topic, receive, qos in (
                ("/tf", lambda message: self._receive(message, False), TF_QOS),
                ("/tf_static", lambda message: self._receive(message, True), TF_STATIC_QOS),
            )
        ]

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _receive(self, message: Any, static: bool) -> None:
        for transform in message.transforms:
            try:
                self._buffer.add(transform, static=static)
            except TransformError as error:
                self._complain(str(error))


class SharedTf:
    """Transforms for all cameras of a node: subscribed to once, while any of them wants some.

    In the executor's thread; the buffer may be asked in any.
    """

    def __init__(self, node: Node) -> None:
        self._node, self._users = node, 0
        self._buffer = TransformBuffer()
        self._input: TfInput | None = None

    def join(self) -> TransformBuffer:
        """Return what is kept up to date until `leave`.

        Raises:
            TransformError: as `TfInput`; then there is nothing to leave.
        """
        if self._input is None:
            complain = partial(
                ThrottledLog(self._node.get_logger().warning), "a transform was refused"
            )
            self._buffer = TransformBuffer()
            self._input = TfInput(self._node, self._buffer, complain)
        self._users += 1
        return self._buffer

    def leave(self) -> None:
        """Want no transforms any more; the last one unsubscribes."""
        self._users -= 1
        if self._users == 0 and self._input is not None:
            self._input.close()
            self._input = None
