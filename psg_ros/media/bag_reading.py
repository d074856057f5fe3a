# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of bags, one by one, through `rosbags`: what every reader of bags stands on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psg_ros.media.bag_storage import prepared, unpacked
from psg_ros.media.frame import MediaError
from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.image_decoding import decode_image
from psg_ros.pictures.image_error import ImageError
from psg_ros.quoting import listed

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

DECODERS = {
    "sensor_msgs/msg/Image": decode_image,
    "sensor_msgs/msg/CompressedImage": decode_compressed_image,
}
SHOWN_TOPICS = 8


@contextmanager
def opened(path: Path) -> Iterator[tuple[AnyReader, bool]]:
    """Give a reader, and whether the end of the recording is missing.

    Raises:
        ImportError: `rosbags` is not installed; names the extra.
        ValueError: it is no bag, or damaged beyond reading.
    """
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
            reason = words(error).replace(str(storage.paths[0]), str(path))
            raise ValueError(f"{path} is not a readable bag: {reason}; {storage.cure}") from error
        if storage.is_cut and not reader.connections:
            raise ValueError(
                f"{path} is cut off before its first message; nothing can be recovered"
            )
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


def messages(
    path: Path, reader: AnyReader, connections: Sequence[Any]
) -> Iterator[tuple[Any, int, bytes]]:
    """Yield connection, time of recording in ns and bytes of each message, in that order of time.

    Raises:
        MediaError: the bag is damaged from here on; what came before is good.
    """
    found = reader.messages(list(connections))
    count = 0
    while True:
        try:
            connection, time_ns, raw = next(found)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - a damaged bag makes the library raise anything
            text = f"{path} is damaged after {count} messages: {words(error)}"
            raise MediaError(text) from error
        yield connection, time_ns, raw
        count += 1


def choose_topic(path: Path, reader: AnyReader, topic: str = "") -> str:
    """Return the topic whose images are read: the one that is asked for, or the only one.

    Raises:
        ValueError: there is none, or several and none chosen; lists them.
    """
    counts: dict[str, int] = defaultdict(int)
    for connection in reader.connections:
        if connection.msgtype in DECODERS:
            counts[connection.topic] += connection.msgcount
    filled = sorted(name for name, count in counts.items() if count)
    if topic:
        if topic not in filled:
            raise ValueError(
                f"{path} has no images on {topic!r}; topics with images: {listed(filled)}"
            )
        return topic
    if not filled:
        raise ValueError(f"{path} is a bag without images; {_contents(reader)}")
    if len(filled) > 1:
        raise ValueError(
            f"{path} has {len(filled)} topics with images, {listed(filled)}; name one with --topic"
        )
    return filled[0]


def words(error: Exception) -> str:
    """Return what an error says, or else its kind."""
    return str(error) or type(error).__name__


def deserialize(reader: AnyReader, connection: Any, raw: bytes) -> Any:
    """Return a message of a kind that never changed: images and what belongs to them.

    Raises:
        ImageError: the bytes are none.
    """
    try:
        if reader.is2:
            return _types(is_ros1=False).deserialize_cdr(unpacked(raw), connection.msgtype)
        return _types(is_ros1=True).deserialize_ros1(raw, connection.msgtype)
    except Exception as error:  # noqa: BLE001 - a damaged message makes the library raise anything
        raise ImageError(f"no {connection.msgtype}: {words(error)}") from error


def nanoseconds(stamp: Any) -> int:
    """Return the stamp of a message."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _contents(reader: AnyReader) -> str:
    topics = {c.topic: f"{c.topic} ({c.msgtype}, {c.msgcount})" for c in reader.connections}
    if not any(connection.msgcount for connection in reader.connections):
        return f"it has no message at all, on {len(topics)} topics"
    more = f" and {len(topics) - SHOWN_TOPICS} more" if len(topics) > SHOWN_TOPICS else ""
    return f"it holds {', '.join(list(topics.values())[:SHOWN_TOPICS])}{more}"


@cache
def _types(is_ros1: bool) -> Any:
    """Return definitions of all messages.

    Not those in the bag: SQLite bags of Humble have none, damaged ones have others, and image
    messages never changed.
    """
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_HUMBLE)
