# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of images for `psg bag`, and its results read with nothing but what they hold."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from recorded_bags import write_bag
from tiny_model import paint

IMAGE_TOPIC = "/front/image/compressed"


def pictures(count: int) -> list[bytes]:
    """Return PNG files in which a red box moves to the right of a blue one."""
    boxes = ({"blue": (20, 30, 90, 100), "red": (120 + 8 * i, 20, 200, 100)} for i in range(count))
    return [cv2.imencode(".png", paint((120, 240), b)[..., ::-1])[1].tobytes() for b in boxes]


def write_images(path: Path, count: int = 4, **options: Any) -> Path:
    return write_bag(path, pictures(count), topic=IMAGE_TOPIC, **options)


def read_alone(path: Path) -> dict[str, list[tuple[int, Any]]]:
    """Return time and message of each topic; `rosbags` gets no definitions besides the bag's."""
    from rosbags.highlevel import AnyReader

    found = defaultdict(list)
    with AnyReader([path]) as reader:
        for connection, time_ns, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            found[connection.topic].append((time_ns, message))
    return dict(found)


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files of a bag."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def label_image(message: Any) -> np.ndarray:
    return np.asarray(message.data).reshape(message.height, message.width)
