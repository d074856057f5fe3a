# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded ROS images (rosbag2 folders, *.mcap, *.db3, ROS 1), read without ROS through `rosbags`.

A message without a whole picture is left out and reported. A recording that breaks off is read up
to there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psg_ros.media.bag_storage import prepared, unpacked
from psg_ros.media.frame import Media, MediaError, MediaFrame, OnUnreadable
from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.image_decoding import decode_image
from psg_ros.pictures.image_error import ImageError

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

_DECODERS = {
    "sensor_msgs/msg/Image": decode_image,
    "sensor_msgs/msg/CompressedImage": decode_compressed_image,
}
SHOWN_TOPICS = 8


def open_bag(path: Path, topic: str = "", max_megapixels: int = DEFAULT_LIMIT) -> Media:
    """Return the images of one topic of a bag as media.

    Args:
        path: a folder with or without its metadata.yaml, or one file of a bag; packed or not.
        topic: which one; may stay empty when the bag holds one image topic only.

    Raises:
        ImportError: `rosbags` is not installed; names the extra.
        ValueError: a damaged bag, no image topic, or several and none chosen; lists them.
    """
    with _opened(path) as (reader, is_cut):
        if is_cut and not reader.connections:
            raise ValueError(f"{path} breaks off before its first message; nothing can be saved")
        topic = _choose_topic(path, reader, topic)
        num_frames = sum(c.msgcount for c in reader.connections if c.topic == topic)
        duration_s = reader.duration * 1e-9
    rate_hz = (num_frames - 1) / duration_s if num_frames > 1 and duration_s > 0 else 0.0

    def frames(on_unreadable: OnUnreadable | None = None) -> Iterator[MediaFrame]:
        return _read(path, topic, max_megapixels, on_unreadable)

    return Media("bag", str(path), num_frames, rate_hz, frames)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[AnyReader, bool]]:
    """Give a reader, and whether the end of the recording is missing."""
    try:
        from rosbags.highlevel import AnyReader
    except ImportError as error:
        raise ImportError(
            f"reading the bag {path} needs: pip install rosbags 'rosbags-image[opencv-headless]' "
            "(extra 'bags')"
        ) from error
    types = _types(is_ros1=False)
    with prepared(path) as storage, ExitStack() as stack:
        try:
            reader = AnyReader(storage.paths, default_typestore=types)
            stack.enter_context(reader)
            _check_facts(reader)
        except Exception as error:  # noqa: BLE001 - a damaged bag makes the library raise anything
            # With the name that the user knows.
            reason = _words(error).replace(str(storage.paths[0]), str(path))
            raise ValueError(f"{path} is not a readable bag: {reason}; {storage.cure}") from error
        yield reader, storage.is_cut


def _check_facts(reader: AnyReader) -> None:
    """Raise ValueError for values of a wrong type in metadata.yaml, which the reader hands on."""
    facts: list[tuple[str, object, type]] = [("duration", reader.duration, int)]
    for connection in reader.connections:
        facts += [
            ("name of a topic", connection.topic, str),
            ("type of a topic", connection.msgtype, str),
            ("message_count of a topic", connection.msgcount, int),
        ]
    for name, value, kind in facts:
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be {kind.__name__}, not {value!r}")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _choose_topic(path: Path, reader: AnyReader, topic: str) -> str:
    counts: dict[str, int] = defaultdict(int)
    for connection in reader.connections:
        if connection.msgtype in _DECODERS:
            counts[connection.topic] += connection.msgcount
    filled = sorted(name for name, count in counts.items() if count)
    if topic:
        if topic not in filled:
            raise ValueError(f"{path} has no images on {topic!r}; topics with images: {filled}")
        return topic
    if not filled:
        raise ValueError(f"{path} is a bag without images; {_contents(reader)}")
    if len(filled) > 1:
        raise ValueError(
            f"{path} has {len(filled)} topics with images {filled}; name one with --topic"
        )
    return filled[0]


def _contents(reader: AnyReader) -> str:
    topics = {c.topic: f"{c.topic} ({c.msgtype}, {c.msgcount})" for c in reader.connections}
    if not any(connection.msgcount for connection in reader.connections):
        return f"it has no message at all, on {len(topics)} topics"
    more = f" and {len(topics) - SHOWN_TOPICS} more" if len(topics) > SHOWN_TOPICS else ""
    return f"it holds {', '.join(list(topics.values())[:SHOWN_TOPICS])}{more}"


def _read(
    path: Path, topic: str, max_megapixels: int, on_unreadable: OnUnreadable | None
) -> Iterator[MediaFrame]:
    with _opened(path) as (reader, is_cut):
        first_ns: int | None = None
        num_read = 0
        for index, (connection, time_ns, raw) in enumerate(_messages(path, reader, topic)):
            first_ns = time_ns if first_ns is None else first_ns
            try:
                message = _deserialize(reader, connection, raw)
                image_rgb = _DECODERS[connection.msgtype](message, max_megapixels)
            except ImageError as error:
                text = f"{path} {topic} message {index}: {error}"
                if on_unreadable is None:
                    raise ImageError(text) from error
                on_unreadable(text)
                continue
            yield MediaFrame(
                image_rgb,
                stamp_ns=_nanoseconds(message.header.stamp),
                frame_id=message.header.frame_id,
                index=index,
                time_s=(time_ns - first_ns) * 1e-9,
                name=str(path),
            )
            num_read += 1
    if is_cut:
        raise MediaError(
            f"{path} breaks off, its recorder was stopped hard: {num_read} pictures could be read"
        )


def _messages(path: Path, reader: AnyReader, topic: str) -> Iterator[tuple[Any, int, bytes]]:
    """Yield connection, time of recording in ns and bytes of each message of a topic."""
    messages = reader.messages([c for c in reader.connections if c.topic == topic])
    count = 0
    while True:
        try:
            connection, time_ns, raw = next(messages)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - a damaged bag makes the library raise anything
            text = f"{path} is damaged after {count} messages: {_words(error)}"
            raise MediaError(text) from error
        yield connection, time_ns, raw
        count += 1


@cache
def _types(is_ros1: bool) -> Any:
    """Return definitions of all messages.

    Not those in the bag: SQLite bags of Humble have none, damaged ones have others, and image
    messages never changed.
    """
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_HUMBLE)


def _deserialize(reader: AnyReader, connection: Any, raw: bytes) -> Any:
    try:
        if reader.is2:
            return _types(is_ros1=False).deserialize_cdr(unpacked(raw), connection.msgtype)
        return _types(is_ros1=True).deserialize_ros1(raw, connection.msgtype)
    except Exception as error:  # noqa: BLE001 - a damaged message makes the library raise anything
        raise ImageError(f"no {connection.msgtype}: {_words(error)}") from error


def _nanoseconds(stamp: Any) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
