# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle requests that the present state does not allow: refused, not fatal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode

ChangeStateCallback = Callable[[Any, Any], Any]


def refuse_impossible(node: LifecycleNode) -> None:
    """Let the node answer such a request with `success` false and a line in the log.

    rclpy of Kilted does so itself. In Humble and Jazzy the error leaves the executor, which ends
    the process and leaves the asking manager without an answer.
    """
    for service in node.services:
        if service.srv_type is ChangeState:
            service.callback = _refusing(node, service.callback)


def _refusing(node: LifecycleNode, change_state: ChangeStateCallback) -> ChangeStateCallback:
    def callback(request: Any, response: Any) -> Any:
        try:
            return change_state(request, response)
        except rclpy_implementation.RCLError as error:
            wanted = request.transition.label or request.transition.id
            node.get_logger().error(f"lifecycle transition {wanted} refused: {error}")
            response.success = False
            return response

    return callback
