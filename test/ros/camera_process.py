# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera as a process: publishes one picture at a rate and writes a line for each image sent."""

import argparse
import json
import random
import time

import cv2
import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from stop_signal import stop_on_signals
from tiny_model import paint

from psg_ros.ros.conversions import rgb_to_msg
from psg_ros.ros.process import prepare_process

BOXES = {"red": (10, 10, 40, 40), "blue": (60, 20, 90, 50), "yellow": (30, 50, 60, 62)}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--topic", default="/camera/image")
    parser.add_argument("--size", type=int, nargs=2, default=(96, 64), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--scene", choices=("boxes", "black"), default="boxes")
    parser.add_argument("--stamps", choices=("now", "random"), default="now")
    parser.add_argument("--bad", type=int, default=0, help="every so many images is cut short")
    parser.add_argument("--reliability", default="best_effort")
    parser.add_argument("--compressed", action="store_true")
    parser.add_argument("--wait", action="store_true", help="begin when somebody listens")
    parser.add_argument("--stock", action="store_true", help="take Fast DDS and glibc as they come")
    return parser.parse_args()


def picture(args):
    """Return the scene at the wanted size; the boxes are drawn for 96 x 64 px."""
    scene = paint((64, 96), BOXES if args.scene == "boxes" else {})
    return cv2.resize(scene, tuple(args.size), interpolation=cv2.INTER_NEAREST)


def to_message(args, image_rgb: np.ndarray, stamp: Time):
    number = random.randrange(100) if args.stamps == "random" else 0  # another frame ends tracks
    header = Header(stamp=stamp, frame_id=f"camera_{number}_optical_frame")
    if not args.compressed:
        return rgb_to_msg(image_rgb, header)
    data = cv2.imencode(".png", image_rgb[:, :, ::-1])[1].tobytes()
    return CompressedImage(header=header, format="rgb8; png compressed bgr8", data=data)


def main():
    args, stop = arguments(), stop_on_signals()
    if not args.stock:
        prepare_process()
    rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    node = rclpy.create_node("camera")
    qos = QoSProfile(depth=1, reliability=QoSReliabilityPolicy[args.reliability.upper()])
    image_rgb = picture(args)
    kind = type(to_message(args, image_rgb, Time()))
    topic = args.topic + ("/compressed" if args.compressed else "")
    publisher = node.create_publisher(kind, topic, qos)
    while args.wait and not publisher.get_subscription_count() and not stop.wait(0.05):
        pass
    due_s = time.monotonic()
    for number in range(1, args.count + 1):
        if args.stamps == "now":
            stamp = node.get_clock().now().to_msg()
        else:
            stamp = Time(sec=random.randrange(2**31), nanosec=random.randrange(10**9))
        message = to_message(args, image_rgb, stamp)
        bad = args.bad and number % args.bad == 0
        if bad:
            message.data = message.data[:-1]
        publisher.publish(message)
        line = {"topic": "image", "stamp": [stamp.sec, stamp.nanosec], "bad": bool(bad)}
        print(json.dumps(line), flush=True)
        due_s = max(due_s + 1 / args.rate, time.monotonic() - 1)
        if stop.wait(max(due_s - time.monotonic(), 0)):
            break
    stop.wait()
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
