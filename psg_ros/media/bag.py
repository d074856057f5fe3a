# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded ROS 2 images (rosbag2 folders, *.mcap, *.db3), read without ROS through `rosbags`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from psg_ros.media.frame import Frame, Media, MediaError, OnUnreadable
from psg_ros.ops.image_decoding import ImageError, decode_compressed_image, decode_image

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

_DECODERS = {
    "sensor_msgs/msg/Image": decode_image,
    "sensor_msgs/msg/CompressedImage": decode_compressed_image,
}
BAG_SUFFIXES = frozenset((".mcap", ".db3", ".bag"))
METADATA_FILE = "metadata.yaml"


def is_bag(path: Path) -> bool:
    """Whether the path looks like a bag: a folder with metadata, or a file named like one."""
    return (path / METADATA_FILE).is_file() or (path.suffix in BAG_SUFFIXES and path.is_file())


def open_bag(path: Path, topic: str = "") -> Media:
    """Return the images of one topic of a bag as media.

    Args:
        topic: which one; may stay empty when the bag holds one image topic only.

    Raises:
        ImportError: `rosbags` is not installed; names the extra.
        ValueError: a damaged bag, no image topic, or several and none chosen; lists them.
    """
    with _reader(path) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections if c.msgtype in _DECODERS}
        topic = _choose_topic(path, counts, topic)
        duration_s, num_frames = reader.duration * 1e-9, counts[topic]
    rate_hz = (num_frames - 1) / duration_s if num_frames > 1 and duration_s > 0 else 0.0

    def frames(on_unreadable: OnUnreadable | None = None) -> Iterator[Frame]:
        return _read(path, topic, on_unreadable)

    return Media("bag", str(path), num_frames, rate_hz, frames)


@contextmanager
def _reader(path: Path) -> Iterator[AnyReader]:
    try:
        from rosbags.highlevel import AnyReader, AnyReaderError
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise ImportError(
            f"reading the bag {path} needs: pip install rosbags 'rosbags-image[opencv-headless]' "
            "(extra 'bags')"
        ) from error
    # SQLite bags of Humble carry no type definitions; image messages never changed since.
    types = get_typestore(Stores.ROS2_HUMBLE)
    try:
        with AnyReader([path], default_typestore=types) as reader:
            yield reader
    except (AnyReaderError, KeyError) as error:
        raise ValueError(f"{path} is no readable bag: {error}") from error


def _choose_topic(path: Path, counts: dict[str, int], topic: str) -> str:
    filled = sorted(name for name, count in counts.items() if count)
    if topic:
        if topic not in filled:
            raise ValueError(f"{path} has no images on {topic!r}; topics with images: {filled}")
        return topic
    if len(filled) != 1:
        raise ValueError(
            f"{path} has {len(filled)} topics with images {filled}; name one with --topic"
        )
    return filled[0]


def _read(path: Path, topic: str, on_unreadable: OnUnreadable | None) -> Iterator[Frame]:
    with _reader(path) as reader:
        wanted = [c for c in reader.connections if c.topic == topic]
        first_ns: int | None = None
        num_read = 0
        for index, (connection, time_ns, raw) in enumerate(reader.messages(wanted)):
            first_ns = time_ns if first_ns is None else first_ns
            message = reader.deserialize(raw, connection.msgtype)
            decode = _DECODERS[connection.msgtype]
            try:
                image_rgb = decode(message)
            except ImageError as error:
                reason = f"{path} {topic} message {index}: {error}"
                if on_unreadable is None:
                    raise ValueError(reason) from error
                on_unreadable(reason)
                continue
            num_read += 1
            yield Frame(image_rgb, index, (time_ns - first_ns) * 1e-9, str(path))
        if first_ns is not None and not num_read:
            raise MediaError(f"{path}: no picture on {topic} can be read")
