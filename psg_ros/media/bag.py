# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded ROS images (rosbag2 folders, *.mcap, *.db3, ROS 1), read without ROS through `rosbags`.

A message without a whole picture is left out and reported. A recording that breaks off is read up
to there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from psg_ros.media.bag_reading import (
    DECODERS,
    choose_topic,
    deserialize,
    messages,
    nanoseconds,
    opened,
)
from psg_ros.media.frame import Media, MediaError, MediaFrame, OnUnreadable
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.image_error import ImageError
from psg_ros.quoting import counted


def open_bag(path: Path, topic: str = "", max_megapixels: int = DEFAULT_LIMIT) -> Media:
    """Return the images of one topic of a bag as media.

    Args:
        path: a folder with or without its metadata.yaml, or one file of a bag; packed or not.
        topic: which one; may stay empty when the bag holds one image topic only.

    Raises:
        ImportError: `rosbags` is not installed; names the extra.
        ValueError: a damaged bag, no image topic, or several and none chosen; lists them.
    """
    with opened(path) as (reader, _):
        topic = choose_topic(path, reader, topic)
        num_frames = sum(c.msgcount for c in reader.connections if c.topic == topic)
        duration_s = reader.duration * 1e-9
    rate_hz = (num_frames - 1) / duration_s if num_frames > 1 and duration_s > 0 else 0.0

    def frames(on_unreadable: OnUnreadable | None = None) -> Iterator[MediaFrame]:
        return _read(path, topic, max_megapixels, on_unreadable)

    return Media("bag", str(path), num_frames, rate_hz, frames)


def _read(
    path: Path, topic: str, max_megapixels: int, on_unreadable: OnUnreadable | None
) -> Iterator[MediaFrame]:
    with opened(path) as (reader, is_cut):
        first_ns: int | None = None
        chosen = [c for c in reader.connections if c.topic == topic]
        num_read = 0
        for index, (connection, time_ns, raw) in enumerate(messages(path, reader, chosen)):
            first_ns = time_ns if first_ns is None else first_ns
            try:
                message = deserialize(reader, connection, raw)
                image_rgb = DECODERS[connection.msgtype](message, max_megapixels)
            except ImageError as error:
                text = f"{path} {topic} message {index}: {error}"
                if on_unreadable is None:
                    raise ImageError(text) from error
                on_unreadable(text)
                continue
            yield MediaFrame(
                image_rgb,
                stamp_ns=nanoseconds(message.header.stamp),
                frame_id=message.header.frame_id,
                index=index,
                time_s=(time_ns - first_ns) * 1e-9,
                name=str(path),
            )
            num_read += 1
    if is_cut:
        raise MediaError(
            f"{path} is cut off, because its recorder was killed: "
            f"{counted(num_read, 'picture')} could be read"
        )
