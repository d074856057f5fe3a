# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node for many minutes: rate, age and memory over time, as a table, a picture and JSON lines.

    python benchmarks/soak.py [--minutes 10] [--rate 10] [--model demo] [--out build/soak]

The node is a process of its own; this one sends it a moving simulated picture of 640 x 480 px,
listens to the graphs, the label image and /diagnostics, and reads the node's memory once a second.
A listener comes and goes every minute, so that subscribing again is part of it. Ends with status 1
if a counter does not add up, the node dies or its memory grows by more than --slope MiB a minute
after the first tenth of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from psg_ros.machine import describe_machine
from psg_ros.msg import SceneGraph
from psg_ros.ros.conversions import ns_to_time, rgb_to_msg, time_to_ns
from psg_ros.ros.process import prepare_process
from psg_ros.ros.start import NODE_NAME, node_command
from psg_ros.ros.transport import node_environment
from psg_ros.simulation.camera import SimulatedCamera

IMAGE_TOPIC = "/soak/image"
NUM_PICTURES, PAN_PX = 32, 4
PARTS = ("graphs", "dropped", "failed", "skipped", "in_work")
LISTENER_PERIOD_S = 60.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=10.0, help="images a second")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--slope", type=float, default=1.0, help="most MiB a minute")
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    return parser.parse_args()


class Observer(Node):
    """Camera and listener in one; `rows` has a line for every second."""

    def __init__(
        self, rate: float, process: psutil.Process, pictures_rgb: list[np.ndarray]
    ) -> None:
        super().__init__("soak")
        self._process, self._pictures = process, pictures_rgb
        self._sent, self._ages_s = 0, []
        self._began_s = time.monotonic()
        self._passing: object | None = None
        self.rows: list[dict[str, float]] = []
        self.broken: list[dict[str, int]] = []
        self._camera = self.create_publisher(Image, IMAGE_TOPIC, 1)
        self.create_subscription(SceneGraph, "/scene_graph", self._hear, 50)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._check, 10)
        self.create_timer(1 / rate, self._send)
        self.create_timer(1.0, self._sample)
        self.create_timer(LISTENER_PERIOD_S / 2, self._come_or_go)

    def _send(self) -> None:
        header = Header(stamp=ns_to_time(time.time_ns()), frame_id="soak")
        self._camera.publish(rgb_to_msg(self._pictures[self._sent % NUM_PICTURES], header))
        self._sent += 1

    def _hear(self, graph: SceneGraph) -> None:
        self._ages_s.append((time.time_ns() - time_to_ns(graph.header.stamp)) / 1e9)

    def _check(self, array: DiagnosticArray) -> None:
        for status in array.status:
            values = {pair.key: pair.value for pair in status.values}
            if "images received" in values:
                counts = {part: int(values[f"images {part}"]) for part in ("received", *PARTS)}
                if counts["received"] != sum(counts[part] for part in PARTS):
                    self.broken.append(counts)

    def _sample(self) -> None:
        memory = self._process.memory_info().rss / 2**20
        ages, self._ages_s = self._ages_s, []
        self.rows.append(
            {
                "second": time.monotonic() - self._began_s,
                "graphs": len(ages),
                "age_ms": float(np.median(ages)) * 1e3 if ages else float("nan"),
                "memory_mib": memory,
                "threads": self._process.num_threads(),
                "files": self._process.num_fds(),
            }
        )

    def _come_or_go(self) -> None:
        if self._passing is None:
            topic = f"/{NODE_NAME}/segmentation"
            self._passing = self.create_subscription(Image, topic, lambda image: None, 1)
        else:
            self.destroy_subscription(self._passing)
            self._passing = None


def pictures() -> list[np.ndarray]:
    """Return pictures of one simulated scene that the camera pans over, there and back."""
    camera = SimulatedCamera(seed=3)
    scene, _ = camera.read()
    camera.close()
    half = NUM_PICTURES // 2
    pans = [*range(half), *range(half, 0, -1)]
    return [np.ascontiguousarray(np.roll(scene, PAN_PX * pan, axis=1)) for pan in pans]


def slope_mib(rows: list[dict[str, float]]) -> float:
    """Return how memory grows, MiB a minute, after the first tenth of the time."""
    late = rows[len(rows) // 10 :]
    seconds = np.array([row["second"] for row in late])
    memory = np.array([row["memory_mib"] for row in late])
    return float(np.polyfit(seconds / 60, memory, 1)[0])


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """Draw rate, age and memory over time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 1, figsize=(9, 7), sharex=True, layout="constrained")
    minutes = [row["second"] / 60 for row in rows]
    columns = (
        ("graphs", "graphs per second"),
        ("age_ms", "age [ms]"),
        ("memory_mib", "memory [MiB]"),
    )
    for axis, (name, label) in zip(axes, columns, strict=True):
        axis.plot(minutes, [row[name] for row in rows], linewidth=0.8)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=100)


def run(args: argparse.Namespace) -> tuple[list[dict[str, float]], list[str]]:
    """Return a row a second, and what went wrong."""
    pictures_rgb = pictures()
    command = node_command(image_topic=IMAGE_TOPIC, parameters={"model": args.model})
    with (args.out / "node.log").open("w") as log:
        node = subprocess.Popen(command, env=node_environment(os.environ), stderr=log, stdout=log)
    observer = Observer(args.rate, psutil.Process(node.pid), pictures_rgb)
    executor = SingleThreadedExecutor()
    executor.add_node(observer)
    end_s = time.monotonic() + 60 * args.minutes
    try:
        while time.monotonic() < end_s and node.poll() is None:
            executor.spin_once(timeout_sec=0.2)
    finally:
        died = node.poll() is not None
        node.terminate()
        status = node.wait(30)
    wrong = [f"the node ended with {status}"] if died or status else []
    wrong += [f"counters do not add up: {counts}" for counts in observer.broken[:3]]
    growth = slope_mib(observer.rows)
    if growth > args.slope:
        wrong.append(f"memory grows by {growth:.2f} MiB a minute")
    return observer.rows, wrong


def main() -> int:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    prepare_process()
    rclpy.init()
    rows, wrong = run(args)
    rclpy.try_shutdown()
    (args.out / "soak.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plot(rows, args.out / "soak.png")
    steady = rows[len(rows) // 10 :]
    ages = [row["age_ms"] for row in steady if row["graphs"]]
    memory = [row["memory_mib"] for row in steady]
    print(json.dumps(describe_machine("openvino", "onnxruntime")))
    print(f"minutes {rows[-1]['second'] / 60:.1f}, after the first tenth:")
    print(f"graphs a second: {np.mean([row['graphs'] for row in steady]):.1f}")
    print(f"age [ms]: median {np.median(ages):.0f}, p95 {np.percentile(ages, 95):.0f}")
    print(f"memory [MiB]: {min(memory):.0f} to {max(memory):.0f}, {slope_mib(rows):+.2f} a minute")
    print(f"threads {steady[0]['threads']} to {steady[-1]['threads']}, files "
          f"{steady[0]['files']} to {steady[-1]['files']}")  # fmt: skip
    for text in wrong:
        print(f"WRONG: {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
