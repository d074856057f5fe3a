# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How many images of a camera reach the node's subscription, by reliability and Fast DDS profile.

    python benchmarks/stock_camera.py [--sizes 640x480] [--images 40] [--rate 10]

A camera and the node's own subscription (ImageInput, no model behind it) are two processes. The
profile is what the node and the launch file choose by themselves; a camera that somebody else
starts has none. `node: udp` is config/fastdds_udp.xml on the side of the node. Prints Markdown;
takes about seven minutes on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from psg_ros.machine import describe_machine
from psg_ros.ros.transport import (
    PROFILE_VARIABLES,
    TRANSPORTS_VARIABLE,
    allocator_environment,
    fitting_profile_path,
    profile_variable,
    udp_profile_path,
)

SIZES = {
    name: tuple(map(int, name.split("x")))
    for name in ("320x240", "640x480", "1280x720", "1920x1080")
}
PROFILES = {
    "neither": (None, None),
    "camera": (fitting_profile_path(), None),
    "node": (None, fitting_profile_path()),
    "both": (fitting_profile_path(), fitting_profile_path()),
    "node: udp": (None, udp_profile_path()),
}
"""Column -> profile of the camera and of the node."""

PAIRS = (("reliable", "best_effort"), ("reliable", "match"), ("best_effort", "match"))
"""What the camera offers and `image_reliability` of the node: best_effort was the default once."""

DISCOVERY_S = 30.0
SETTLE_S = 0.7
"""Both sides know each other before the first image, and the last one has time to arrive."""


@dataclass(frozen=True)
class Row:
    """How many images of one size and pair arrived, by profile."""

    size: str
    offered: str
    asked: str
    arrived: dict[str, int]


def main() -> None:
    """Measure every cell and print the table, or play one of the two processes."""
    args = _parser().parse_args()
    if args.role == "camera":
        send(SIZES[args.size], args.offered, args.images, args.rate)
    elif args.role == "node":
        receive(args.asked)
    else:
        rows = [
            Row(size, *pair, {p: measure(size, *pair, p, args) for p in PROFILES})
            for size in args.sizes
            for pair in PAIRS
        ]
        print(table(rows, args.images))
        print(f"\n{args.rate:g} Hz, load {os.getloadavg()[0]:.1f}, ", end="")
        print(", ".join(f"{key} {value}" for key, value in describe_machine().items()))


def measure(size: str, offered: str, asked: str, profile: str, args: argparse.Namespace) -> int:
    """Run one camera and one subscription and return the number of images that arrived."""
    script = [sys.executable, __file__, "--role"]
    domain = random.randrange(1, 102)
    camera_profile, node_profile = PROFILES[profile]
    node = subprocess.Popen(
        [*script, "node", "--asked", asked],
        env=_environment(node_profile, domain),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    camera = [*script, "camera", "--size", size, "--offered", offered]
    camera += ["--images", str(args.images), "--rate", str(args.rate)]
    sent = subprocess.run(camera, env=_environment(camera_profile, domain), check=False)
    heard, _ = node.communicate("stop\n")
    if sent.returncode or node.returncode:
        raise RuntimeError(f"statuses of camera and node: {sent.returncode}, {node.returncode}")
    return int(heard)


def send(size_wh: tuple[int, ...], offered: str, count: int, rate_hz: float) -> None:
    """Publish random pictures at a steady rate, from when somebody listens."""
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    from psg_ros.ros.conversions import rgb_to_msg

    rclpy.init()
    node = rclpy.create_node("stock_camera")
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[offered.upper()])
    publisher = node.create_publisher(Image, "image", qos)
    width, height = size_wh
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    end_s = time.monotonic() + DISCOVERY_S
    while not publisher.get_subscription_count():
        if time.monotonic() > end_s:
            raise RuntimeError(f"no subscription within {DISCOVERY_S:g} s")
        time.sleep(0.05)
    time.sleep(SETTLE_S)
    started_s = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, started_s + number / rate_hz - time.monotonic()))
        publisher.publish(rgb_to_msg(image, Header()))
    time.sleep(SETTLE_S)
    node.destroy_node()
    rclpy.shutdown()


def receive(asked: str) -> None:
    """Listen as the node does until a line comes on the standard input; print how many came."""
    import rclpy

    from psg_ros.node_config import NodeConfig
    from psg_ros.ros.image_input import ImageInput

    count = 0
    stop = threading.Event()

    def note(*_: Any) -> None:
        nonlocal count
        count += 1

    rclpy.init()
    node = rclpy.create_node("scene_graph_node")
    rclpy.logging.set_logger_level("scene_graph_node", rclpy.logging.LoggingSeverity.FATAL)
    config = NodeConfig(image_reliability=asked, silence_s=0.0)
    camera = ImageInput(node, config, note)
    camera.wake()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    while not stop.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    camera.close()
    node.destroy_node()
    rclpy.shutdown()
    print(count)


def table(rows: list[Row], images: int) -> str:
    """Return Markdown: images that arrived, of those sent."""
    lines = [
        f"Arrived of {images}, by who uses the profile:\n",
        f"| size | camera offers | node asks for | {' | '.join(PROFILES)} |",
        "| --- | --- | --- |" + " ---: |" * len(PROFILES),
    ]
    lines += [
        f"| {row.size} | {row.offered} | {row.asked} | "
        + " | ".join(str(row.arrived[profile]) for profile in PROFILES)
        + " |"
        for row in rows
    ]
    return "\n".join(lines)


def _environment(profile: Any, domain: int) -> dict[str, str]:
    plain = dict(os.environ)
    ours = (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE, *allocator_environment({}))
    for name in (*ours, "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY"):
        plain.pop(name, None)
    plain["ROS_DOMAIN_ID"] = str(domain)
    if profile is None:
        return plain
    return {**plain, profile_variable(plain): str(profile), **allocator_environment(plain)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--images", type=int, default=40, help="images of each cell")
    parser.add_argument("--rate", type=float, default=10.0, help="of the camera [Hz]")
    for name in ("--role", "--size", "--offered", "--asked"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
