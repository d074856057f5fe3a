# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small bags, written by the rosbags library, which a test must find installed first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

SECOND_NS = 1_000_000_000
COMPRESSED = "sensor_msgs/msg/CompressedImage"


def typestore() -> Any:
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_HUMBLE)


def header(index: int) -> Any:
    """Return a header stamped 6 s and 250 ns after 1970 for the first message, then each second."""
    types = typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=6 + index, nanosec=250)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")


def write_bag(
    path: Path,
    pictures: Sequence[bytes],
    *,
    storage: str = "mcap",
    packed: str = "",
    topic: str = "/camera/image/compressed",
    start_ns: int = 100 * SECOND_NS,
) -> Path:
    """Write a bag of compressed images, one each tenth of a second.

    Args:
        storage: `mcap` or `sqlite3`.
        packed: `file` or `message` packs the one or the other with zstd.
    """
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    store = typestore()
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    if packed:
        writer.set_compression(CompressionMode[packed.upper()], CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection(topic, COMPRESSED, typestore=store)
        for index, picture in enumerate(pictures):
            data = np.frombuffer(picture, np.uint8)
            message = store.types[COMPRESSED](header=header(index), format="jpeg", data=data)
            time_ns = start_ns + index * SECOND_NS // 10
            writer.write(connection, time_ns, store.serialize_cdr(message, COMPRESSED))
    return path
