# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Uncompressed images between two processes: how many arrive and how late.

    python benchmarks/image_transport.py [--seconds 5] [--rate 30] [--json result.json]

Each case starts a sender and a receiver. `tuned` is what the node and the launch file set up (large
shared memory, allocator thresholds), `defaults` is Fast DDS and glibc as they come. Latency counts
from before the message is filled to the receiver's callback. The receiver asks for best effort and
depth 1, so that what gets lost is not sent again. Cameras without our settings: stock_camera.py.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from psg_ros.machine import describe_machine
from psg_ros.ros.transport import (
    PROFILE_VARIABLES,
    TRANSPORTS_VARIABLE,
    allocator_environment,
    node_environment,
)

SIZES = {"640x480": (640, 480), "1920x1080": (1920, 1080)}
RATE_HZ = 30.0
TOPIC = "image_transport_benchmark"
DISCOVERY_S = 30.0
LAST_IMAGE_S = 1.0


@dataclass(frozen=True)
class Case:
    """One measurement."""

    size: str
    setting: str


@dataclass(frozen=True)
class Result:
    """What arrived in one case; latencies in ms, NaN when nothing did."""

    size: str
    setting: str
    sent: int
    arrived: int
    sent_hz: float
    arrived_hz: float
    latency_median_ms: float
    latency_p95_ms: float


def main() -> None:
    """Run the cases, print a table and write JSON where asked."""
    args = _parser().parse_args()
    if args.role == "send":
        send(SIZES[args.size], args.seconds, args.rate)
    elif args.role == "receive":
        receive()
    else:
        cases = [Case(size, setting) for setting in args.settings for size in args.sizes]
        results = [measure(case, args.seconds, args.rate) for case in cases]
        machine = describe_machine()
        print(table(results, machine))
        if args.json:
            content = {"machine": machine, "results": [asdict(result) for result in results]}
            args.json.write_text(json.dumps(content, indent=2) + "\n")


def measure(case: Case, seconds: float, rate_hz: float) -> Result:
    """Run one sender and one receiver and return what arrived."""
    environment = _environment(case.setting)
    script = [sys.executable, __file__, "--role"]
    receiver = subprocess.Popen(
        [*script, "receive"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pace = ["--seconds", str(seconds), "--rate", str(rate_hz)]
    sender = subprocess.run(
        [*script, "send", "--size", case.size, *pace],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    time.sleep(LAST_IMAGE_S)
    heard, _ = receiver.communicate("stop\n")
    if receiver.returncode:
        raise RuntimeError(f"the receiver ended with status {receiver.returncode}")
    sent, took_s = json.loads(sender.stdout)
    return summarize(case, sent, took_s, json.loads(heard))


def summarize(case: Case, sent: int, took_s: float, latencies_ms: list[float]) -> Result:
    """Return rates and percentiles."""
    arrived = len(latencies_ms)
    median, p95 = np.percentile(latencies_ms, [50, 95]) if arrived else (np.nan, np.nan)
    return Result(
        case.size,
        case.setting,
        sent,
        arrived,
        round(sent / took_s, 2),
        round(arrived / took_s, 2),
        round(float(median), 2),
        round(float(p95), 2),
    )


def send(size_wh: tuple[int, int], seconds: float, rate_hz: float) -> None:
    """Publish random pictures; print how many and how long it took."""
    import rclpy
    from std_msgs.msg import Header

    from psg_ros.ros.conversions import ns_to_time, rgb_to_msg

    node, publisher = _open_sender(rclpy)
    width, height = size_wh
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    count, started_s = round(seconds * rate_hz), time.monotonic()
    for number in range(count):
        time.sleep(max(started_s + number / rate_hz - time.monotonic(), 0))
        stamp = ns_to_time(time.monotonic_ns())
        publisher.publish(rgb_to_msg(image, Header(stamp=stamp)))
    took_s = max(time.monotonic() - started_s, count / rate_hz)
    time.sleep(LAST_IMAGE_S)
    node.destroy_node()
    rclpy.shutdown()
    print(json.dumps([count, took_s]))


def receive() -> None:
    """Note the age of every image until a line comes on the standard input; print all ages."""
    import threading

    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    from psg_ros.ros.conversions import time_to_ns

    latencies_ms: list[float] = []
    stop = threading.Event()

    def note(message: Image) -> None:
        latencies_ms.append((time.monotonic_ns() - time_to_ns(message.header.stamp)) / 1e6)

    rclpy.init()
    node = rclpy.create_node("image_receiver")
    qos = qos_profile_sensor_data
    qos.depth = 1
    node.create_subscription(Image, TOPIC, note, qos)
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    while not stop.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    rclpy.shutdown()
    print(json.dumps(latencies_ms))


def table(results: list[Result], machine: dict[str, object]) -> str:
    """Return Markdown."""
    lines = [
        "| size | setting | sent Hz | arrived Hz | arrived | median ms | p95 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r.size} | {r.setting} | {r.sent_hz:.1f} | {r.arrived_hz:.1f} "
        f"| {r.arrived} of {r.sent} | {r.latency_median_ms:.1f} | {r.latency_p95_ms:.1f} |"
        for r in results
    ]
    return "\n".join([*lines, "", ", ".join(f"{k} {v}" for k, v in machine.items())])


def _open_sender(rclpy):  # type: ignore[no-untyped-def]
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("image_sender")
    publisher = node.create_publisher(Image, TOPIC, 1)
    end_s = time.monotonic() + DISCOVERY_S
    while not publisher.get_subscription_count():
        if time.monotonic() > end_s:
            raise RuntimeError(f"no receiver within {DISCOVERY_S:g} s")
        time.sleep(0.05)
    time.sleep(0.5)
    return node, publisher


def _environment(setting: str) -> dict[str, str]:
    plain = dict(os.environ)
    for name in (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE, *allocator_environment({})):
        plain.pop(name, None)
    plain.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return node_environment(plain) if setting == "tuned" else plain


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of each case")
    parser.add_argument("--rate", type=float, default=RATE_HZ, help="images sent a second")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    settings = ["tuned", "defaults"]
    parser.add_argument("--settings", nargs="+", choices=settings, default=settings)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--role", choices=("send", "receive"), help=argparse.SUPPRESS)
    parser.add_argument("--size", choices=SIZES, default="640x480", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
