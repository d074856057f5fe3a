# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MatchedSubscription: a subscription that asks for the reliability that is offered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from psg_ros.ros.parameters import given_parameters
from psg_ros.ros.qos_overrides import parameter_name, subscription_options

MATCH_PERIOD_S = 0.5
"""How often it looks at what is offered."""


class MatchedSubscription:
    """Reliable where all publishers are, so that large messages come whole; else best effort.

    A QoS override of the topic wins. Made, used and closed in the executor's thread.

    Args:
        topic: full name.
        kind: class of the messages.
        depth: of the queue.
        raw: hand over serialised messages.
    """

    def __init__(
        self,
        node: Node,
        kind: Any,
        topic: str,
        receive: Callable[[Any], None],
        depth: int,
        *,
        raw: bool = False,
    ) -> None:
        self.topic = topic
        self._raw = raw
        self._node, self._kind, self._receive, self._depth = node, kind, receive, depth
        override = parameter_name(topic, "subscription", "reliability")
        self._overridden = override in given_parameters(node)
        self._subscription: Subscription | None = None
        self._subscribe(ReliabilityPolicy.BEST_EFFORT)
        # Steady time: simulated time may stand still.
        self._timer = node.create_timer(
            MATCH_PERIOD_S, self._match, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Destroy it; no callback runs afterwards."""
        self._node.destroy_timer(self._timer)
        self._unsubscribe()

    def _match(self) -> None:
        if self._overridden or self._subscription is None:
            return
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        offered = {publisher.qos_profile.reliability for publisher in publishers}
        reliable = offered == {ReliabilityPolicy.RELIABLE}
        wanted = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        if offered and wanted != self._subscription.qos_profile.reliability:
            self._unsubscribe()
            self._subscribe(wanted)

    def _subscribe(self, reliability: ReliabilityPolicy) -> None:
        self._subscription = self._node.create_subscription(
            self._kind,
            self.topic,
            self._receive,
            QoSProfile(depth=self._depth, reliability=reliability),
            raw=self._raw,
            qos_overriding_options=subscription_options(reliability=self._overridden),
        )

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
