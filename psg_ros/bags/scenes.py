# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs that a bag holds already, with the pictures of the same stamps, to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from psg_ros.bags.message_types import bag_types, full_name
from psg_ros.labels import Vocabulary
from psg_ros.media.bag_reading import DECODERS, deserialize, messages, opened
from psg_ros.media.bag_storage import is_bag, unpacked
from psg_ros.message_reading import graph_from_msg, vocabulary_from_msg
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.image_error import ImageError
from psg_ros.resources import PACKAGE
from psg_ros.ros.start import GRAPH_TOPIC, NODE_NAME, SEGMENTATION_TOPIC, VOCABULARY_TOPIC
from psg_ros.viewing.matching import Key, Matcher, Scene, ids_of, key_of

GRAPH_TYPE = full_name("SceneGraph")


def graph_topics(path: Path) -> list[str]:
    """Return the topics of scene graphs in a bag; none for anything that is no bag."""
    if not is_bag(path):
        return []
    with opened(path) as (reader, _):
        return sorted({c.topic for c in reader.connections if c.msgtype == GRAPH_TYPE})


def scenes(
    path: Path, topic: str, on_vocabulary: Callable[[Vocabulary], None]
) -> Generator[Scene, None, None]:
    """Yield the scenes of one topic of graphs.

    Its label images lie beside it, as the node names them; images of the camera are those of any
    topic with the stamps and the coordinate frame of the graphs.

    Raises:
        ValueError: the bag cannot be read, or breaks off.
    """
    place = topic.removesuffix(GRAPH_TOPIC)
    masks = place + SEGMENTATION_TOPIC.replace("~", NODE_NAME)
    words = place + VOCABULARY_TOPIC.replace("~", NODE_NAME)
    types = bag_types()
    with opened(path) as (reader, _):
        images = _image_topics(reader)
        known = {c.topic for c in reader.connections}
        matcher = Matcher(masks in known, bool(images))
        _check_definitions(path, reader)
        wanted = [c for c in reader.connections if c.topic in {topic, masks, words, *images}]
        for connection, _, raw in messages(path, reader, wanted):
            if connection.topic in (topic, words):
                message = types.store.deserialize_cdr(unpacked(raw), connection.msgtype)
            else:
                message = deserialize(reader, connection, raw)
            if connection.topic == words:
                on_vocabulary(vocabulary_from_msg(message))
                continue
            key = key_of(message.header)
            if connection.topic == topic:
                matcher.put_graph(key, graph_from_msg(message))
            elif connection.topic == masks:
                matcher.put_label_image(key, ids_of(message))
            else:
                _put_image(matcher, key, connection.msgtype, message)
            yield from matcher.scenes()
        yield from matcher.scenes(is_end=True)


def _check_definitions(path: Path, reader: Any) -> None:
    """Raise ValueError for graphs of another version of the messages: they would be misread."""
    for connection in reader.connections:
        kind = connection.msgtype
        if kind.startswith(f"{PACKAGE}/") and kind in bag_types().store.fielddefs:
            ours = bag_types().store.hash_rihs01(kind)
            if connection.digest not in ("", ours):
                raise ValueError(
                    f"{path} was recorded with another version of {kind} ({connection.digest}, "
                    f"here {ours}); look at it with the psg_ros of then"
                )


def _image_topics(reader: Any) -> list[str]:
    """Return the topics of camera images: not those that a node made."""
    names = {c.topic for c in reader.connections if c.msgtype in DECODERS and c.msgcount}
    return sorted(name for name in names if f"/{NODE_NAME}/" not in name and "depth" not in name)


def _put_image(matcher: Matcher, key: Key, kind: str, message: Any) -> None:
    try:
        matcher.put_image(key, DECODERS[kind](message, DEFAULT_LIMIT))
    except ImageError:
        return  # the graph goes without it
