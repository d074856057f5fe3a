# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics: the node's health on /diagnostics, once a second, in whatever state it is.

Written by hand: diagnostic_updater has its timer on the node's clock, which stands still while a
simulator does, and that is when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from psg_ros.machine import resident_mib
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.slow_stage.keeper import StageFacts
from psg_ros.ros.health import CameraFacts, Finding, Level, findings
from psg_ros.ros.temperature import hottest

TOPIC = "/diagnostics"
PERIOD_S = 1.0


class Diagnostics:
    """Publishes the statuses that `collect` returns, until the node is destroyed."""

    def __init__(self, node: Node, collect: Callable[[], Iterable[DiagnosticStatus]]) -> None:
        self._node, self._collect = node, collect
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, 10)
        node.create_timer(PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _publish(self) -> None:
        array = DiagnosticArray(status=list(self._collect()))
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def status(
    name: str, hardware: str, found: list[Finding], healthy: str, values: Mapping[str, object]
) -> DiagnosticStatus:
    """Return a status: the worst finding is its level, all are its message.

    Args:
        hardware: what it is about: the camera's topic, or the device.
        found: the worst first.
        healthy: the message where nothing was found.
    """
    level = found[0].level if found else Level.OK
    return DiagnosticStatus(
        name=name,
        hardware_id=hardware,
        level=bytes([level]),
        message="; ".join(finding.text for finding in found) or healthy,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def model_status(name: str, state: str, model: Pipeline | None, refusal: str) -> DiagnosticStatus:
    """Return the status of the node as a whole.

    Args:
        state: of its life: unconfigured, inactive or active.
        refusal: why the last transition failed; "" where it did not.
    """
    found = [Finding(Level.ERROR, refusal)] if refusal else []
    heat, memory_mib = hottest(), resident_mib()
    if heat is not None and heat.throttles:
        found.append(
            Finding(
                Level.WARN,
                f"{heat.zone} is at {heat.celsius:.0f} C, and the machine slows down from "
                f"{heat.limit_celsius:.0f} C: cool it, or lower max_rate",
            )
        )
    values: dict[str, object] = {
        "state": state,
        "temperature [C]": "" if heat is None else f"{heat.celsius:.1f} ({heat.zone})",
        "memory [MiB]": "" if memory_mib is None else f"{memory_mib:.0f}",
    }
    if model is not None:
        values |= {
            "model": model.model_name,
            "model sha256": model.model_sha256,
            "backend": model.backend_name,
            "device": model.device,
            "precision": model.precision,
        }
    return status(f"{name}: model", model.device if model else "", found, state, values)


def camera_status(name: str, camera: CameraFacts) -> DiagnosticStatus:
    """Return the status of one active camera."""
    recent, counts = camera.recent, camera.counts
    rate = f"{recent.rate_hz:.1f} graphs per second"
    healthy = rate if camera.awake else "at rest: nobody subscribes"
    healthy = "paused by a service" if camera.paused else healthy
    values = {
        "subscribed": camera.awake,
        "publishers": camera.offer,
        "rate [Hz]": f"{recent.rate_hz:.2f}",
        "age [ms]": "" if recent.age_s is None else f"{recent.age_s * 1e3:.0f}",
        "quality": camera.rung.name,
        "seconds since the last image": f"{camera.silent_s:.1f}",
        **{f"images {what}": number for what, number in vars(counts).items()},
        "last failure": camera.last_failure,
    }
    return status(name, camera.topic, findings(camera), healthy, values)


def spade_status(name: str, stage: StageFacts) -> DiagnosticStatus:
    """Return the status of SPADE's process: a warning from its end to the next answer."""
    found: list[Finding] = []
    if stage.failure:
        again = f"may start again in {stage.rests_s:.0f} s, at once with ~/run_spade"
        now = "was started again" if stage.runs else again
        found = [Finding(Level.WARN, f"{stage.failure}; it {now}")]
    values: dict[str, object] = {
        "running": stage.runs,
        "answers": stage.answers,
        "starts": stage.starts,
        "ends": stage.ended,
        "ends for being late": stage.hung,
    }
    return status(name, "", found, f"{stage.answers} answers", values)
