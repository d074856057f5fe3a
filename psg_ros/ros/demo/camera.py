# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration's camera: publishes simulated or recorded pictures as sensor_msgs/Image.

The simulated one has depth, too.

It begins when somebody subscribes to it and to what comes of it, and keeps the source's own pace;
where rendering or decoding is slower than that, the pace gives way and no picture is skipped.
"""

from __future__ import annotations

if __name__ == "__main__":
    from psg_ros.interrupts import end_on_interrupt

    end_on_interrupt()  # before the imports below, which take a while

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from psg_ros.config import PictureConfig
from psg_ros.frame import Camera
from psg_ros.interrupts import raise_on_interrupt
from psg_ros.media import open_media
from psg_ros.ros.conversions import rgb_to_msg
from psg_ros.ros.demo.depth_output import DepthOutput
from psg_ros.ros.process import prepare_process

OPTICAL_FRAME = "camera_optical_frame"
IMAGE_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
"""As most camera drivers offer it: what got lost is sent again."""

POLL_S = 0.05
LATE_S = 0.2
"""A delay that is caught up by hurrying; a longer one moves all later pictures (our choice)."""


class TimedImage(NamedTuple):
    """A picture and when it is due.

    Attributes:
        due_s: seconds since the first picture.
        image_rgb: uint8 [height, width, 3].
        depth: float32 [height, width], metres; of the simulation alone.
        camera: intrinsics that belong to the depth.
    """

    due_s: float
    image_rgb: np.ndarray
    depth: np.ndarray | None = None
    camera: Camera | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Publish until the source ends or a signal comes; 1 and one line on stderr if it cannot."""
    args = _parse(argv)
    prepare_process()
    node: Node | None = None
    raise_on_interrupt()
    try:
        rclpy.init(args=[])
        node = rclpy.create_node("demo_camera")
        _publish(node, args)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"camera: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo_camera", description=__doc__)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--result", required=True, help="topic that must have a subscriber, too")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--source", help="as of open_media; without it the live simulation")
    parser.add_argument("--bag-topic", default="")
    parser.add_argument("--max-megapixels", type=int, default=PictureConfig.max_megapixels)
    parser.add_argument("--retime", action="store_true", help="--rate wins over the source's times")
    parser.add_argument("--size", type=int, nargs=2, default=(640, 480))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--loop", action="store_true")
    return parser.parse_args(argv)


def _publish(node: Node, args: argparse.Namespace) -> None:
    publisher = node.create_publisher(Image, args.topic, IMAGE_QOS)
    if args.source:
        images = recorded_images(args)
    else:
        images = simulated_images(args.seed, tuple(args.size), args.rate)
    space = None if args.source else DepthOutput(node, args.topic)
    first = next(images, None)
    # A node without listeners would skip the first pictures, and one that is known here but not
    # yet matched would miss them.
    while rclpy.ok() and not (
        publisher.get_subscription_count() and node.count_subscribers(args.result)
    ):
        time.sleep(POLL_S)
    if first is None:
        return
    start_s = time.monotonic()
    for image in _chained(first, images):
        start_s = max(start_s, time.monotonic() - image.due_s - LATE_S)
        if not _sleep_until(start_s + image.due_s):
            return
        # The picture is finished now: a real camera stamps its exposure, which ends here too.
        header = Header(stamp=node.get_clock().now().to_msg(), frame_id=OPTICAL_FRAME)
        if space and image.depth is not None and image.camera is not None:
            space.publish(image.depth, image.camera, header)
        publisher.publish(rgb_to_msg(image.image_rgb, header))


def simulated_images(seed: int, size: tuple[int, int], rate_hz: float) -> Iterator[TimedImage]:
    """Yield live renderings without end, due at a steady rate."""
    from psg_ros.simulation.camera import SimulatedCamera

    camera = SimulatedCamera(seed, size, rate_hz=rate_hz, disturbances=True)
    try:
        for index in count():
            image_rgb, truth = camera.read()
            yield TimedImage(index / rate_hz, image_rgb, truth.depth, camera.pose.intrinsics(size))
    finally:
        camera.close()


def recorded_images(args: argparse.Namespace) -> Iterator[TimedImage]:
    """Yield the pictures of a source at its own times or at --rate, again and again with --loop.

    A single picture is held without end, as by a camera that nobody moves.
    """
    media = open_media(args.source, args.bag_topic, args.max_megapixels)
    steady = args.retime or not media.is_moving
    shown, start_s = 0, 0.0
    while True:
        time_s = 0.0
        for frame in media.frames(_say):
            time_s = shown / args.rate if steady else start_s + frame.time_s
            # A live device sets the pace itself; waiting would only age its pictures.
            yield TimedImage(0.0 if media.kind == "camera" else time_s, frame.image)
            shown += 1
        if not shown:
            raise ValueError(f"no picture of {args.source} can be read")
        start_s = time_s + 1 / args.rate
        if not (args.loop or media.is_single):
            return


def _say(text: str) -> None:
    print(f"camera: left out: {text}", file=sys.stderr)


def _chained(first: TimedImage, rest: Iterator[TimedImage]) -> Iterator[TimedImage]:
    yield first
    yield from rest


def _sleep_until(due_s: float) -> bool:
    """Return whether to go on: False when a signal ended ROS meanwhile."""
    while rclpy.ok() and (left_s := due_s - time.monotonic()) > 0:
        time.sleep(min(left_s, POLL_S))
    return bool(rclpy.ok())


if __name__ == "__main__":
    sys.exit(main())
