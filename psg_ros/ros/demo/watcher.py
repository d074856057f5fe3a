# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration's subscriber: knows the topics only, shows what comes and records it.

One thread spins and takes the time of every graph as it arrives; the main thread prints and encodes
the video, so that neither delays the measurement.
"""

from __future__ import annotations

if __name__ == "__main__":
    from psg_ros.interrupts import end_on_interrupt

    end_on_interrupt()  # before the imports below, which take a while

import argparse
import json
import queue
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from psg_ros.drawing.annotated_files import write_image
from psg_ros.drawing.graph_picture import graph_svg
from psg_ros.files import replacing, write_text
from psg_ros.media import VideoWriter
from psg_ros.message_reading import graph_from_msg, vocabulary_from_msg
from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.pictures.image_decoding import decode_image
from psg_ros.ros.conversions import time_to_ns
from psg_ros.ros.demo.live_view import Heading, LiveView
from psg_ros.ros.demo.statistics import GraphArrival, GraphStatistics
from psg_ros.ros.process import keep_buffers_mapped
from psg_ros.ros.start import ANNOTATED_TOPIC, GRAPH_TOPIC, NODE_NAME, VOCABULARY_TOPIC

FIRST_GRAPH_WAIT_S = 60.0
"""Loading a large model on a small machine takes this long at most."""

FIRST_IMAGE_WAIT_S = 5.0
"""How long the end waits for what comes after the first graph: its drawn picture, the words."""

POLL_S = 0.05
KEPT_IMAGES = 16
"""Drawn pictures that wait to be encoded; more would only cost memory."""

KEPT_GRAPHS = 50
"""Graphs remembered to find the one that belongs to the last drawn picture."""

GRAPH_QOS = QoSProfile(depth=10, reliability=QoSReliabilityPolicy.RELIABLE)
IMAGE_QOS = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(
    depth=1,
    reliability=QoSReliabilityPolicy.RELIABLE,
    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
)


class Subscriber:
    """What came over the topics. Callbacks run in the spinning thread, everything else elsewhere.

    Attributes:
        statistics: one entry a graph.
        images: drawn pictures that nobody took yet, oldest first; those that come while it is full
            are left out.
        graphs: the newest graphs by stamp in ns.
        vocabulary: None until it came.
    """

    def __init__(self, node: Node) -> None:
        self._clock = node.get_clock()
        self.statistics = GraphStatistics()
        self.images: queue.Queue[Image] = queue.Queue(KEPT_IMAGES)
        self.graphs: dict[int, SceneGraph] = {}
        self.vocabulary: GraphVocabulary | None = None
        for kind, topic, callback, qos in (
            (SceneGraph, GRAPH_TOPIC, self._on_graph, GRAPH_QOS),
            (Image, _of_node(ANNOTATED_TOPIC), self._on_image, IMAGE_QOS),
            (GraphVocabulary, _of_node(VOCABULARY_TOPIC), self._on_vocabulary, LATCHED_QOS),
        ):
            node.create_subscription(kind, topic, callback, qos)

    def _on_graph(self, message: SceneGraph) -> None:
        # Before anything else: the age ends with the arrival.
        now_ns, arrived_s = self._clock.now().nanoseconds, time.monotonic()
        stamp_ns = time_to_ns(message.header.stamp)
        arrival = GraphArrival(
            arrived_s=arrived_s,
            age_ms=(now_ns - stamp_ns) * 1e-6,
            sequence=message.sequence,
            received_frames=message.timing.received_frames,
            dropped_frames=message.timing.dropped_frames,
            lost_frames=message.timing.lost_frames,
            num_nodes=len(message.nodes),
            num_relations=len(message.relations),
        )
        self.graphs[stamp_ns] = message
        while len(self.graphs) > KEPT_GRAPHS:
            del self.graphs[next(iter(self.graphs))]
        self.statistics.add(arrival)

    def _on_image(self, message: Image) -> None:
        # Where encoding is slower than the stream, the film keeps showing the picture before.
        with suppress(queue.Full):
            self.images.put_nowait(message)

    def _on_vocabulary(self, message: GraphVocabulary) -> None:
        self.vocabulary = message


class Recorder:
    """Turns what the subscriber received into the files and the live view, in the main thread."""

    def __init__(self, subscriber: Subscriber, args: argparse.Namespace, film: VideoWriter) -> None:
        self._subscriber, self._args = subscriber, args
        self._view = LiveView(sys.stdout)
        self._film = film
        self._first_ns: int | None = None
        self._last: tuple[int, np.ndarray] | None = None
        self._shown_s = 0.0

    def record_images(self) -> None:
        """Append the drawn pictures that wait now to the film; later ones have to wait."""
        for _ in range(self._subscriber.images.qsize()):
            message = self._subscriber.images.get()
            stamp_ns = time_to_ns(message.header.stamp)
            image_rgb = decode_image(message)
            self._first_ns = stamp_ns if self._first_ns is None else self._first_ns
            self._film.write(image_rgb, (stamp_ns - self._first_ns) * 1e-9)
            self._last = (stamp_ns, image_rgb)

    def _wait_for_an_image(self) -> None:
        """Let come what follows the first graph: a user may end the run as soon as it shows."""
        end_s = time.monotonic() + FIRST_IMAGE_WAIT_S
        while time.monotonic() < end_s and (self._last is None or not self._subscriber.vocabulary):
            time.sleep(POLL_S)
            self.record_images()

    def show(self, first_s: float, seconds: float | None) -> None:
        """Refresh the live view if it is time to."""
        now_s, statistics = time.monotonic(), self._subscriber.statistics
        if now_s - self._shown_s < self._view.period_s or self._subscriber.vocabulary is None:
            return
        self._shown_s = now_s
        heading = Heading(
            elapsed_s=now_s - first_s,
            left_s=None if seconds is None else max(0.0, seconds - (now_s - first_s)),
            rate_hz=statistics.recent_rate_hz(now_s),
            age_ms=statistics.recent_age_ms(now_s),
            dropped_frames=statistics.last.dropped_frames,
        )
        newest = self._subscriber.graphs[max(self._subscriber.graphs)]
        vocabulary = vocabulary_from_msg(self._subscriber.vocabulary)
        self._view.show(heading, graph_from_msg(newest), vocabulary)

    def finish(self) -> None:
        """Write everything but the film, whose pictures are all taken then.

        Raises:
            RuntimeError: something did not come; the text says which topic stayed silent.
        """
        subscriber, out = self._subscriber, self._args.out
        self._wait_for_an_image()
        self.record_images()
        if subscriber.vocabulary is None or self._last is None:
            raise RuntimeError("graphs arrived, but no annotated image or no vocabulary")
        summary = subscriber.statistics.summary(
            self._args.backend, subscriber.vocabulary.model_name
        )
        write_text(out / "summary.json", json.dumps(summary, indent=2) + "\n")
        stamp_ns, image_rgb = self._last
        write_image(out / "annotated.png", image_rgb)
        message = subscriber.graphs.get(stamp_ns) or subscriber.graphs[max(subscriber.graphs)]
        graph, vocabulary = graph_from_msg(message), vocabulary_from_msg(subscriber.vocabulary)
        page = graph_svg(graph, vocabulary, track_ids=graph.node_ids)
        write_text(out / "scene_graph.svg", page)


def main(argv: Sequence[str] | None = None) -> int:
    """Watch until the time is over or a signal comes; 1 and one line on stderr if nothing came."""
    args = _parse(argv)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    keep_buffers_mapped()
    ros_arguments = ["--ros-args", "-r", f"__ns:=/{args.namespace}"]
    rclpy.init(args=ros_arguments, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("demo_watcher")
    subscriber = Subscriber(node)
    spinning = _spin_in_thread(node)
    try:
        with (
            replacing(args.out / "annotated.mp4") as path,
            VideoWriter(path, args.rate) as film,
        ):
            recorder = Recorder(subscriber, args, film)
            _watch(subscriber, recorder, args, stop)
            recorder.finish()
    except RuntimeError as error:
        print(f"watcher: {error}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
        spinning.join()
    return 0


def _watch(
    subscriber: Subscriber, recorder: Recorder, args: argparse.Namespace, stop: threading.Event
) -> None:
    started_s, statistics = time.monotonic(), subscriber.statistics
    while not len(statistics):
        if stop.wait(POLL_S):
            raise RuntimeError("stopped before the first graph arrived")
        if time.monotonic() - started_s > FIRST_GRAPH_WAIT_S:
            raise RuntimeError(f"no graph within {FIRST_GRAPH_WAIT_S:.0f} s")
    first_s = statistics.last.arrived_s
    print(f"first graph {first_s - args.started:.1f} s after the start", flush=True)
    end_s = first_s + args.seconds if args.seconds is not None else float("inf")
    while not stop.wait(POLL_S) and time.monotonic() < end_s:
        recorder.record_images()
        recorder.show(first_s, args.seconds)


def _spin_in_thread(node: Node) -> threading.Thread:
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin() -> None:
        with suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, name="spin")
    thread.start()
    return thread


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo_watcher", description=__doc__)
    parser.add_argument("--namespace", required=True, help="of the node to watch")
    parser.add_argument("--out", type=Path, required=True, help="existing folder for the results")
    parser.add_argument("--rate", type=float, required=True, help="camera rate [Hz]")
    parser.add_argument("--backend", required=True, help="what runs the model, for the summary")
    parser.add_argument(
        "--started", type=float, required=True, help="start of it all, time.monotonic"
    )
    parser.add_argument(
        "--seconds", type=float, help="after the first graph; without it until a signal"
    )
    return parser.parse_args(argv)


def _of_node(private_topic: str) -> str:
    """Return `~/name` of the watched node as seen from its namespace."""
    return private_topic.replace("~", NODE_NAME, 1)


if __name__ == "__main__":
    sys.exit(main())
