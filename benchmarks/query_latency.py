# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the node takes to answer a question about its last graph, model at rest and at work.

    python benchmarks/query_latency.py [--model demo] [--questions 300] [--rate 30]

A camera, the node and the one that asks are three processes; the time is from request to answer in
the latter, DDS both ways included. `--rate` is faster than the model on purpose: it is always at
work. Prints Markdown; takes about a minute.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from psg_ros.graph_query import GraphIndex, RelationQuery
from psg_ros.machine import describe_machine
from psg_ros.pictures.picture_file import read_image
from psg_ros.resources import share_path
from psg_ros.ros.conversions import rgb_to_msg
from psg_ros.ros.start import node_command
from psg_ros.ros.transport import node_environment
from psg_ros.srv import GetSceneGraph, QueryRelations

PICTURE = share_path() / "models" / "demo" / "pictures" / "worst.jpg"
PAUSE_S = 0.03
START_S = 60.0


def main() -> None:
    """Start node and camera, ask, print the table; or play the camera."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=0, help="of the model; 0: all cores")
    parser.add_argument("--camera", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.camera:
        publish(args.rate)
        return
    domain = str(random.randint(1, 101))
    os.environ |= node_environment(os.environ) | {
        "ROS_DOMAIN_ID": domain,
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    camera = [sys.executable, __file__, "--camera", "--rate", str(args.rate)]
    node = node_command(
        parameters={"model": args.model, "threads": args.threads}, log_level="error"
    )
    children = [subprocess.Popen(command) for command in (camera, node)]
    try:
        report(args)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(20)


def publish(rate_hz: float) -> None:
    """Publish one picture over and over, stamped now."""
    image_rgb = np.ascontiguousarray(read_image(PICTURE)[:480, :640])
    rclpy.init()
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, "image", 1)
    while rclpy.ok():
        stamp = node.get_clock().now().to_msg()
        publisher.publish(rgb_to_msg(image_rgb, Header(stamp=stamp)))
        time.sleep(1.0 / rate_hz)


def report(args: argparse.Namespace) -> None:
    """Print the table."""
    rclpy.init()
    node = rclpy.create_node("asking")
    questions = {
        "QueryRelations": (QueryRelations, "query_relations"),
        "GetSceneGraph": (GetSceneGraph, "get_scene_graph"),
    }
    ask = {name: asker(node, kind, service) for name, (kind, service) in questions.items()}
    pause = asker(node, SetBool, "pause")
    end_s = time.monotonic() + START_S
    while not (answer := ask["GetSceneGraph"]()).success:
        if time.monotonic() > end_s:
            sys.exit(f"no graph: {answer.message}")
        time.sleep(0.2)
    size = f"{len(answer.graph.nodes)} nodes, {len(answer.graph.relations)} relations"
    print(f"{describe_machine()}; {args.model}, {size}; ms, median / p95 / worst of "
          f"{args.questions}\n")  # fmt: skip
    print(f"In the node, of the processor's time: {answering_ms(answer.graph):.2f} ms\n")
    print("| | model paused | model at work |\n|---|---|---|")
    cells: dict[str, list[str]] = {name: [] for name in ask}
    for paused in (True, False):
        pause(data=paused)
        time.sleep(1.0)
        for name, call in ask.items():
            cells[name].append(times(call, args.questions))
    for name, (rest, work) in cells.items():
        print(f"| {name} | {rest} | {work} |")
    node.destroy_node()
    rclpy.shutdown()


def asker(node: Node, kind: Any, service: str) -> Callable[..., Any]:
    """Return a function that calls a service of the node and waits for the answer."""
    client = node.create_client(kind, f"/scene_graph_node/{service}")
    if not client.wait_for_service(START_S):
        sys.exit(f"no service {service}")

    def call(**fields: Any) -> Any:
        future = client.call_async(kind.Request(**fields))
        rclpy.spin_until_future_complete(node, future, timeout_sec=START_S)
        return future.result() or sys.exit(f"{service} does not answer")

    return call


def answering_ms(graph: Any) -> float:
    """Return how long the node computes for a question: to index the graph and to search."""
    start_s = time.thread_time()
    for _ in range(100):
        GraphIndex(graph).find(RelationQuery(graph.nodes[0].class_name))
    return (time.thread_time() - start_s) * 10.0


def times(call: Callable[..., Any], count: int) -> str:
    """Return median, 95th percentile and worst of the time from request to answer."""
    taken_ms = []
    for _ in range(count):
        start_s = time.perf_counter()
        call()
        taken_ms.append((time.perf_counter() - start_s) * 1e3)
        time.sleep(PAUSE_S * random.random())  # not in step with the images
    return " / ".join(f"{np.percentile(taken_ms, share):.1f}" for share in (50, 95, 100))


if __name__ == "__main__":
    main()
