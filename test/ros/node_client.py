# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""NodeClient: asks a node's parameter and lifecycle services and times the answers."""

from __future__ import annotations

import time
from typing import Any

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter, parameter_value_to_python
from ros_session import START_S

from psg_ros.srv import QueryRelations

PATIENCE_S = 3.0
"""How long the first request waits. Now and then it gets no answer, the next one does."""

TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
    "shutdown": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}


class NodeClient:
    """A second ROS process, the test itself; `last_ms` is the time of the last answer."""

    def __init__(self, domain_id: int, node: str = "/scene_graph_node"):
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain_id)
        self._node = rclpy.create_node("test_client", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._target, self._clients, self._has_met = node, {}, False
        self.last_ms = 0.0

    def close(self) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def state(self) -> str:
        return self._call(GetState, "get_state", GetState.Request()).current_state.label

    def change(self, transition: str) -> bool:
        """Ask for a transition and return whether it succeeded."""
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        return self._call(ChangeState, "change_state", request).success

    def get(self, name: str) -> Any:
        request = GetParameters.Request(names=[name])
        answer = self._call(GetParameters, "get_parameters", request)
        return parameter_value_to_python(answer.values[0])

    def set(self, name: str, value: Any) -> str:
        """Set a parameter; return the reason of a refusal, '' on success."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        result = self._call(SetParameters, "set_parameters", request).results[0]
        assert result.successful or result.reason
        return "" if result.successful else result.reason

    def query(self, subject: str, predicate: str, object: str) -> list[Any]:
        """Return the relations of the last graph that fit; there is one."""
        request = QueryRelations.Request(subject=subject, predicate=predicate, object=object)
        answer = self._call(QueryRelations, "query_relations", request)
        assert answer.success, answer.message
        return answer.relations

    def describe(self, names: list[str]) -> dict[str, Any]:
        request = DescribeParameters.Request(names=names)
        answer = self._call(DescribeParameters, "describe_parameters", request)
        return {d.name: d for d in answer.descriptors}

    def _meet(self) -> None:
        """Ask for the state, which changes nothing, until the node answers for the first time."""
        client = self._node.create_client(GetState, f"{self._target}/get_state")
        assert client.wait_for_service(START_S), "no service get_state"
        for _ in range(round(START_S / PATIENCE_S)):
            future = client.call_async(GetState.Request())
            self._executor.spin_until_future_complete(future, timeout_sec=PATIENCE_S)
            if future.done():
                self._has_met = True
                return
        raise AssertionError("the node does not answer")

    def _call(self, kind: Any, service: str, request: Any) -> Any:
        if not self._has_met:
            self._meet()
        if service not in self._clients:
            client = self._node.create_client(kind, f"{self._target}/{service}")
            assert client.wait_for_service(START_S), f"no service {service}"
            self._clients[service] = client
        started_s = time.monotonic()
        future = self._clients[service].call_async(request)
        self._executor.spin_until_future_complete(future, timeout_sec=START_S)
        self.last_ms = (time.monotonic() - started_s) * 1e3
        assert future.done(), f"{service} did not answer"
        return future.result()
