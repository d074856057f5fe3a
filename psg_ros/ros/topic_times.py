# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the node takes from topic to topic: an image is published, its graph arrives.

The node is a process of its own, as on a robot, and the images go over DDS. One image is on its
way at a time, so that none waits for another. All times are by one clock, the machine's. The clock
starts when the bytes of an image are handed over and stops when the bytes of its graph are there:
what a camera does before and a listener does behind, in whatever language, is theirs.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from psg_ros.config import PipelineConfig
from psg_ros.msg import SceneGraph
from psg_ros.ros.conversions import rgb_to_msg, time_to_ns
from psg_ros.ros.process import prepare_process
from psg_ros.ros.start import GRAPH_TOPIC, IMAGE_TOPIC, node_command
from psg_ros.ros.transport import node_environment

RELIABLE = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
STARTUP_WAIT_S, ANSWER_WAIT_S, STOP_WAIT_S = 120.0, 30.0, 8.0
PARTS = ("way in", "preprocess", "networks", "postprocess", "rest of the node", "way out")
"""Where the time of one image goes; together they are all of it."""


@dataclass(frozen=True)
class TopicTimes:
    """What was measured.

    Attributes:
        parts_ms: float64 [image, part], see `PARTS`.
        image_hw: size of the images, rgb8.
        nodes: of the last graph.
        startup_s: from the start of the node's process to its first graph.
        cpu_ms: of the node's process for one image, all threads, on average.
        peak_mib: resident in the node's process; None where the kernel does not tell.
        settings: of the pipeline, where they differ from the defaults.
    """

    parts_ms: np.ndarray
    image_hw: tuple[int, int]
    nodes: int
    startup_s: float
    cpu_ms: float
    peak_mib: float | None
    settings: dict[str, object]

    @property
    def total_ms(self) -> np.ndarray:
        """Publication of the image to arrival of the graph, float64 [image]."""
        return self.parts_ms.sum(axis=1)

    @property
    def overhead_ms(self) -> np.ndarray:
        """What is not the pipeline, float64 [image]."""
        model = [PARTS.index(name) for name in ("preprocess", "networks", "postprocess")]
        return self.total_ms - self.parts_ms[:, model].sum(axis=1)


def measure_topics(
    config: PipelineConfig, image_rgb: np.ndarray, rate_hz: float, frames: int, warmup: int
) -> TopicTimes:
    """Start a node, send it one image after the other, end it.

    Args:
        image_rgb: uint8 [height, width, 3].
        rate_hz: images a second, less where the node is slower.
        warmup: images before, which are not counted.

    Raises:
        RuntimeError: no graph came, or the node ended; with its last words.
    """
    prepare_process()
    namespace = f"psg_benchmark_{os.getpid()}"
    changed = {k: v for k, v in vars(config).items() if v != getattr(type(config), k)}
    started_s = time.monotonic()
    rclpy.init(args=[])
    try:
        with _node_process(namespace, changed) as (process, log):
            pair = _Pair(rclpy.create_node("benchmark", namespace=namespace))
            first = pair.first_graph(image_rgb, process, log)
            startup_s = time.monotonic() - started_s
            del first
            rows, nodes, cpu_s = [], 0, 0.0
            for number in range(warmup + frames):
                if number == warmup:
                    cpu_s = _cpu_s(process.pid)
                begin = time.monotonic()
                parts, nodes = pair.measure(image_rgb, process, log)
                if number >= warmup:
                    rows.append(parts)
                time.sleep(max(0.0, begin + 1 / rate_hz - time.monotonic()))
            return TopicTimes(
                parts_ms=np.array(rows),
                image_hw=(image_rgb.shape[0], image_rgb.shape[1]),
                nodes=nodes,
                startup_s=startup_s,
                cpu_ms=(_cpu_s(process.pid) - cpu_s) / frames * 1e3,
                peak_mib=_peak_mib(process.pid),
                settings=changed,
            )
    finally:
        rclpy.try_shutdown()


class _Pair:
    """A camera and a listener in one ROS node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._arrived: dict[int, tuple[int, SceneGraph]] = {}
        self._publisher = node.create_publisher(Image, IMAGE_TOPIC, RELIABLE)
        node.create_subscription(SceneGraph, GRAPH_TOPIC, self._on_graph, RELIABLE, raw=True)

    def first_graph(
        self, image_rgb: np.ndarray, process: subprocess.Popen[bytes], log: IO[bytes]
    ) -> SceneGraph:
        """Send images until a graph comes: the node needs its time to load and to be found."""
        end_s = time.monotonic() + STARTUP_WAIT_S
        while time.monotonic() < end_s:
            stamp_ns, _ = self._publish(image_rgb)
            if (found := self._wait(stamp_ns, process, log, 0.5)) is not None:
                return found[1]
        raise RuntimeError(f"no graph within {STARTUP_WAIT_S:.0f} s; {_last_words(log)}")

    def measure(
        self, image_rgb: np.ndarray, process: subprocess.Popen[bytes], log: IO[bytes]
    ) -> tuple[list[float], int]:
        """Send one image; return its `PARTS` in ms and the number of nodes of its graph."""
        stamp_ns, sent_ns = self._publish(image_rgb)
        found = self._wait(stamp_ns, process, log, ANSWER_WAIT_S)
        if found is None:
            raise RuntimeError(f"no graph within {ANSWER_WAIT_S:.0f} s; {_last_words(log)}")
        arrived_ns, graph = found
        timing = graph.timing
        received_ns, published_ns = map(time_to_ns, (timing.received, timing.published))
        steps = [timing.preprocess_ms, timing.inference_ms, timing.postprocess_ms]
        return [
            (received_ns - sent_ns) * 1e-6,
            *steps,
            (published_ns - received_ns) * 1e-6 - sum(steps),
            (arrived_ns - published_ns) * 1e-6,
        ], len(graph.nodes)

    def _publish(self, image_rgb: np.ndarray) -> tuple[int, int]:
        """Publish, and return the image's stamp and when it was handed over, in ns."""
        stamp = self._node.get_clock().now()
        message = serialize_message(rgb_to_msg(image_rgb, Header(stamp=stamp.to_msg())))
        sent = self._node.get_clock().now()
        self._publisher.publish(message)
        return stamp.nanoseconds, sent.nanoseconds

    def _wait(
        self, stamp_ns: int, process: subprocess.Popen[bytes], log: IO[bytes], seconds: float
    ) -> tuple[int, SceneGraph] | None:
        end_s = time.monotonic() + seconds
        while stamp_ns not in self._arrived:
            if process.poll() is not None:
                raise RuntimeError(f"the node ended; {_last_words(log)}")
            if time.monotonic() > end_s:
                return None
            self._executor.spin_once(timeout_sec=0.1)
        return self._arrived.pop(stamp_ns)

    def _on_graph(self, serialized: Any) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        message = deserialize_message(serialized, SceneGraph)
        self._arrived[time_to_ns(message.header.stamp)] = (now_ns, message)


@contextlib.contextmanager
def _node_process(
    namespace: str, parameters: dict[str, object]
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    command = node_command(namespace=namespace, parameters=parameters)
    with tempfile.TemporaryFile() as log:
        environment = {**os.environ, **node_environment(os.environ)}
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return f"the node's last words: {lines[-1] if lines else 'none'}"


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used; 0 where the kernel does not tell."""
    path = Path(f"/proc/{pid}/stat")
    if not path.is_file():
        return 0.0
    fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mib(pid: int) -> float | None:
    path = Path(f"/proc/{pid}/status")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)
