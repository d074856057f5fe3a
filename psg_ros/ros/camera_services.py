# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CameraServices: questions about the last graph of one camera, and what its operator may ask for.

Every answer says whether it succeeded and why (not).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from psg_ros.graph_query import GraphIndex, QueryError, RelationQuery
from psg_ros.ros.graph_memory import GraphMemory
from psg_ros.ros.snapshots import SnapshotError
from psg_ros.ros.start import (
    GRAPH_SERVICE,
    PAUSE_SERVICE,
    QUERY_SERVICE,
    RESET_SERVICE,
    SNAPSHOT_SERVICE,
    SPADE_SERVICE,
    camera_topic,
)
from psg_ros.srv import GetSceneGraph, QueryRelations


class Camera(Protocol):
    """What the services need of a camera. All is called in the executor's thread."""

    memory: GraphMemory
    is_paused: bool

    @property
    def is_active(self) -> bool: ...

    def ask(self) -> None:
        """Have graphs made for a while, although nobody may listen."""

    def set_paused(self, paused: bool) -> None: ...

    def reset_tracks(self) -> None: ...

    def demand_keyframe(self) -> None: ...

    def request_spade(self) -> str:
        """Have SPADE look at the next frame; returns why that cannot be, or ""."""
        ...

    def request_snapshot(self) -> Future:
        """Return what becomes a folder or a SnapshotError, or raise one."""
        ...


class CameraServices:
    """Offered from configure to cleanup; what needs an active node says so.

    Args:
        topic_prefix: as for the topics of the camera.
    """

    def __init__(self, node: Node, camera: Camera, topic_prefix: str) -> None:
        self._node, self._camera = node, camera
        group = MutuallyExclusiveCallbackGroup()
        # It waits for the next image, and would keep the others waiting.
        waiting = ReentrantCallbackGroup()
        offers: tuple[tuple[Any, str, Callable[..., Any], Any], ...] = (
            (QueryRelations, QUERY_SERVICE, self._query, group),
            (GetSceneGraph, GRAPH_SERVICE, self._give_graph, group),
            (SetBool, PAUSE_SERVICE, self._pause, group),
            (Trigger, RESET_SERVICE, self._reset, group),
            (Trigger, SPADE_SERVICE, self._run_spade, group),
            (Trigger, SNAPSHOT_SERVICE, self._snapshot, waiting),
        )
        name = node.get_name()
        self._services = [
            node.create_service(
                kind, camera_topic(service, topic_prefix, name), answer, callback_group=own
            )
            for kind, service, answer, own in offers
        ]
        for service in self._services:
            _answer_while_there(service)

    def close(self) -> None:
        """Withdraw the services."""
        for service in self._services:
            self._node.destroy_service(service)
        self._services = []

    def _query(self, request: Any, response: Any) -> Any:
        try:
            index = self._index()
            self._check_age(index, request.max_age_s)
            found = index.find(
                RelationQuery(
                    request.subject,
                    request.predicate,
                    request.object,
                    request.min_probability,
                    request.confirmed_only,
                )
            )
        except QueryError as error:
            return _answered(response, False, str(error))
        response.header = index.graph.header
        response.sequence = index.graph.sequence
        response.nodes, response.relations = found.nodes, found.relations
        response.inverted = found.inverted
        return _answered(response, True, found.why)

    def _give_graph(self, request: Any, response: Any) -> Any:
        if request.keyframe:
            self._camera.demand_keyframe()
        try:
            index = self._index()
        except QueryError as error:
            return _answered(response, False, str(error))
        response.graph = index.graph
        paused = ", paused" if self._camera.is_paused else ""
        return _answered(response, True, f"{self._age(index):.3f} s old{paused}")

    def _pause(self, request: Any, response: Any) -> Any:
        camera = self._camera
        if not camera.is_active:
            return _answered(response, False, NOT_ACTIVE)
        state = "paused" if request.data else "running"
        if camera.is_paused == request.data:
            return _answered(response, True, f"{state} already")
        camera.set_paused(request.data)
        ids = "" if request.data else ", with new ids"
        return _answered(response, True, f"{state} from the next image on{ids}")

    def _reset(self, request: Any, response: Any) -> Any:
        if not self._camera.is_active:
            return _answered(response, False, NOT_ACTIVE)
        self._camera.reset_tracks()
        return _answered(response, True, "all tracks end, the next graph has new ids")

    def _run_spade(self, request: Any, response: Any) -> Any:
        camera = self._camera
        if not camera.is_active or camera.is_paused:
            return _answered(response, False, PAUSED if camera.is_active else NOT_ACTIVE)
        if why := camera.request_spade():
            return _answered(response, False, why)
        camera.ask()
        return _answered(response, True, "SPADE looks at the next frame as soon as it is free")

    async def _snapshot(self, request: Any, response: Any) -> Any:
        camera = self._camera
        if not camera.is_active or camera.is_paused:
            why = PAUSED if camera.is_active else NOT_ACTIVE
            return _answered(response, False, why)
        camera.ask()
        try:
            outcome = await camera.request_snapshot()
        except SnapshotError as error:
            outcome = error
        return _answered(response, not isinstance(outcome, SnapshotError), str(outcome))

    def _index(self) -> GraphIndex:
        """Return the last graph, and have others made; QueryError while there is none."""
        camera = self._camera
        if not camera.is_active:
            raise QueryError(NOT_ACTIVE)
        camera.ask()
        index = camera.memory.index
        if index is None:
            raise QueryError(PAUSED if camera.is_paused else NO_GRAPH)
        return index

    def _check_age(self, index: GraphIndex, max_age_s: float) -> None:
        if not 0.0 <= max_age_s < math.inf:
            raise QueryError(f"max_age_s must be 0 (any age) or more, not {max_age_s}")
        age_s = self._age(index)
        if max_age_s and age_s > max_age_s:
            cure = PAUSED if self._camera.is_paused else "newer ones are being made, ask again"
            raise QueryError(f"the last graph is {age_s:.3f} s old, not {max_age_s:g}: {cure}")

    def _age(self, index: GraphIndex) -> float:
        return index.age(self._node.get_clock().now().nanoseconds)


NOT_ACTIVE = "the node is not active: activate it first"
PAUSED = f"paused: call {PAUSE_SERVICE} with data false to go on"
NO_GRAPH = "no graph yet: images are processed from now on, ask again in a moment"


def _answer_while_there(service: Any) -> None:
    """Drop answers that come after the service was withdrawn, as to a snapshot that still waited.

    rclpy would raise out of the executor, which ends the program around the node.
    """
    send = service.send_response

    def send_if_there(response: Any, header: Any) -> None:
        with suppress(rclpy_implementation.InvalidHandle):
            send(response, header)

    service.send_response = send_if_there


def _answered(response: Any, success: bool, message: str) -> Any:
    response.success, response.message = success, message
    return response
