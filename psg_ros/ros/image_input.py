# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ImageInput: the subscription to a camera, and words for the log when nothing comes through it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_policy_name_from_kind
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from psg_ros.node_config import NodeConfig
from psg_ros.pictures.image_error import ImageError
from psg_ros.ros.arrivals import ArrivalCounts, Arrivals
from psg_ros.ros.backoff import Backoff
from psg_ros.ros.image_offer import ImageOffer
from psg_ros.ros.image_transports import COLOR_TRANSPORTS
from psg_ros.ros.loss_warning import is_heavy, loss_warning
from psg_ros.ros.parameters import given_parameters
from psg_ros.ros.qos_overrides import parameter_name, subscription_options
from psg_ros.ros.start import IMAGE_SUFFIXES, IMAGE_TOPIC, camera_topic

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

MATCH_PERIOD_S = 0.5
"""How often `image_reliability: match` looks at what is offered."""

LONGEST_SILENCE_S = 600.0
"""Longest wait between two lines about images that still do not come."""

TELLS_MESSAGE_INFO = hasattr(Subscription, "CallbackType")
"""Whether a callback may ask for the publisher's sequence number, too; not in Humble."""


class ImageInput:
    """Hands image messages to a callback while awake; all in the executor's thread.

    Begins at rest, without a subscription, so that nothing is transported. A QoS override of the
    subscription wins over `image_reliability`.

    Args:
        on_image: receives the fields of each message, or what is wrong with it, and the counts with
            it.
        camera: name of one of several cameras; "" for the only one.
    """

    def __init__(
        self,
        node: Node,
        config: NodeConfig,
        on_image: Callable[[Any, Arrivals], None],
        camera: str = "",
    ) -> None:
        self._node, self._config, self._on_image = node, config, on_image
        self._transport = COLOR_TRANSPORTS[config.image_transport]
        self.topic = _resolved_topic(node, camera, config.image_transport)
        self._override = parameter_name(self.topic, "subscription", "reliability")
        self._overridden = self._override in given_parameters(node)
        self._matches = config.image_reliability == "match" and not self._overridden
        self.offer = ImageOffer(node, self.topic, self._transport.kind)
        self._subscription: Subscription | None = None
        self.awake = False
        self._arrivals = Arrivals(lambda: node.count_publishers(self.topic))
        self._warned_of_loss = self._heard = False
        self._silent_s, self._last_s = 0.0, time.monotonic()
        self._silence = Backoff(config.silence_s, LONGEST_SILENCE_S)
        self._timers: list[Timer] = []
        if config.silence_s > 0:
            self._silence_timer = self._every(config.silence_s, self._check_silence)
        if self._matches:
            self._every(MATCH_PERIOD_S, self._match_offer)

    @property
    def counts(self) -> ArrivalCounts:
        """What came of the camera's images so far."""
        return self._arrivals.counts

    @property
    def silent_s(self) -> float:
        """Seconds since the last image, or since it was woken."""
        return time.monotonic() - self._last_s

    @property
    def fits(self) -> bool:
        """Whether images would come, as far as type and reliability go."""
        offered = self.offer.reliabilities()
        if not self._matches and self._fixed_reliability() == ReliabilityPolicy.RELIABLE:
            return ReliabilityPolicy.RELIABLE in offered
        return bool(offered)

    def loss_warning(self) -> str:
        """Return what to do about images that get lost on the way; "" if few do."""
        counts = self._arrivals.counts
        if not is_heavy(counts):
            return ""
        return loss_warning(
            self.topic,
            counts,
            reliable=self._asked() == ReliabilityPolicy.RELIABLE,
            offered_reliable=self.offer.reliabilities() == {ReliabilityPolicy.RELIABLE},
            base=os.environ,
        )

    def wake(self) -> None:
        """Subscribe, or go on being subscribed."""
        if self.awake:
            return
        self.awake, self._last_s = True, time.monotonic()
        self._begin_silence()
        if self._matches:
            self._match_offer()
        else:
            self._subscribe(self._fixed_reliability())

    def rest(self) -> None:
        """Unsubscribe: nothing is transported until `wake`."""
        self.awake = False
        self._unsubscribe()

    def close(self) -> None:
        """Destroy subscription and timers; no callback runs afterwards."""
        for timer in self._timers:
            self._node.destroy_timer(timer)
        self._unsubscribe()

    def _every(self, period_s: float, action: Callable[[], None]) -> Timer:
        # Steady time: silence must be noticed even when simulated time stands still.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timers.append(self._node.create_timer(period_s, action, clock=clock))
        return self._timers[-1]

    def _subscribe(self, reliability: ReliabilityPolicy) -> None:
        self._arrivals.forget_publishers()
        self._subscription = self._node.create_subscription(
            self._transport.kind,
            self.topic,
            self._receive if TELLS_MESSAGE_INFO else lambda content: self._receive(content, {}),
            QoSProfile(depth=1, reliability=reliability),
            raw=True,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=self._on_incompatible_qos, message_lost=self._on_message_lost
            ),
            qos_overriding_options=subscription_options(reliability=self._overridden),
        )

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _fixed_reliability(self) -> ReliabilityPolicy:
        if self._overridden:  # whatever is asked for, rclpy puts the override in its place
            return ReliabilityPolicy.BEST_EFFORT
        return ReliabilityPolicy[self._config.image_reliability.upper()]

    def _match_offer(self) -> None:
        """Subscribe as the publishers offer, and again when a camera comes back with another offer.

        Best effort hears all of several publishers that differ.
        """
        if not self.awake:
            return
        offered = self.offer.reliabilities()
        reliable = offered == {ReliabilityPolicy.RELIABLE}
        wanted = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        if offered and wanted != self._asked():
            self._unsubscribe()
            self._subscribe(wanted)
            self._node.get_logger().info(f"{self.topic} is offered {wanted.name.lower()}: matched")

    def _asked(self) -> ReliabilityPolicy | None:
        return None if self._subscription is None else self._subscription.qos_profile.reliability

    def _receive(self, serialized: bytes, info: Mapping[str, Any]) -> None:
        self._heard, self._last_s = True, time.monotonic()
        self._arrivals.deliver(info)
        self._on_image(self._read(serialized), self._arrivals)

    def _read(self, serialized: bytes) -> Any:
        """Return the fields of a message; what is wrong with it is for the worker to raise."""
        try:
            return self._transport.read(serialized)
        except ImageError as error:
            return error

    def _on_message_lost(self, event: Any) -> None:
        self._arrivals.lose(event.total_count_change)
        text = "" if self._warned_of_loss else self.loss_warning()
        if text:
            self._warned_of_loss = True
            self._node.get_logger().warning(text)

    def _on_incompatible_qos(self, event: Any) -> None:
        if self._matches:  # only reliability can misfit, and the next look at the offer mends it
            return
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        override = f" without {self._override}, and" if self._overridden else ""
        self._node.get_logger().error(
            f"{self._describe_publishers()}; no image will arrive from one whose {policy} "
            f"does not fit. Restart this node{override} with image_reliability:=best_effort, "
            "which works with every publisher, or image_reliability:=match"
        )

    def _check_silence(self) -> None:
        """Report silence after `silence_s`, then after waits that double, until an image comes.

        At rest, too, while nobody publishes what fits: better than when somebody listens at last.
        """
        if self._heard or (not self.awake and self.fits):
            self._begin_silence()
            return
        self._silent_s += self._config.silence_s
        if self._silence.due(self._silent_s):
            self._node.get_logger().warning(
                f"no image for {self._silent_s:g} s: {self._describe_publishers()}"
                f"{self.offer.describe_elsewhere()}"
            )

    def _begin_silence(self) -> None:
        """Count silence from now on."""
        self._heard, self._silent_s = False, 0.0
        self._silence.reset(0.0)
        if self._config.silence_s > 0:
            self._silence_timer.reset()

    def _describe_publishers(self) -> str:
        lost = self._arrivals.counts.lost
        ending = f"; {lost} images got lost on the way" if lost else ""
        return f"{self.offer.describe()}, asked for {self._asked_for()}{ending}"

    def _asked_for(self) -> str:
        asked = self._asked()
        if asked is None and not self._matches:
            asked = self._fixed_reliability()
        return "whatever a publisher offers" if asked is None else asked.name.lower()


def _resolved_topic(node: Node, camera: str, transport: str) -> str:
    """Return the full topic name; remapping the base topic moves the compressed one along."""
    base = camera_topic(IMAGE_TOPIC, camera, node.get_name())
    return node.resolve_topic_name(base) + IMAGE_SUFFIXES[transport]
