# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes as they come over ROS: the graphs of a topic with their label images and camera images."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

from psg_ros.labels import Vocabulary
from psg_ros.message_reading import graph_from_msg, vocabulary_from_msg
from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.image_decoding import decode_image
from psg_ros.pictures.image_error import ImageError
from psg_ros.ros.process import prepare_process
from psg_ros.ros.start import GRAPH_TOPIC, NODE_NAME, SEGMENTATION_TOPIC, VOCABULARY_TOPIC
from psg_ros.ros.topics import OUTPUTS
from psg_ros.viewing.matching import Matcher, Scene, ids_of, key_of

SILENCE_S = 5.0
_TURN_S = 0.1


def live_scenes(
    topic: str,
    image_topic: str,
    on_vocabulary: Callable[[Vocabulary], None],
    on_silence: Callable[[str], None],
) -> Generator[Scene, None, None]:
    """Yield scenes without end; closing the generator ends the subscription.

    Args:
        topic: of the graphs; label images and vocabulary are looked for beside it.
        image_topic: of the camera, raw, or compressed where it ends so; empty: without images.
        on_silence: is told, once, where nothing comes for a while: what to look at.
    """
    prepare_process()
    rclpy.init()
    node = rclpy.create_node("psg_view")
    try:
        listener = _Listener(node, topic, image_topic, on_vocabulary)
        silent_s = 0.0
        while True:
            rclpy.spin_once(node, timeout_sec=_TURN_S)
            if not listener.num_graphs and silent_s >= 0:
                silent_s += _TURN_S
                if silent_s > SILENCE_S:
                    on_silence(_what_is_there(node, topic))
                    silent_s = -1.0
            yield from listener.matcher.scenes()
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


class _Listener:
    def __init__(
        self, node: Node, topic: str, image_topic: str, on_vocabulary: Callable[[Vocabulary], None]
    ) -> None:
        self._on_vocabulary = on_vocabulary
        self.num_graphs = 0
        self.matcher = Matcher(with_masks=True, with_images=bool(image_topic))
        place = topic.removesuffix(GRAPH_TOPIC)
        for name, kind, callback in (
            (GRAPH_TOPIC, SceneGraph, self._on_graph),
            (SEGMENTATION_TOPIC, Image, self._on_label_image),
            (VOCABULARY_TOPIC, GraphVocabulary, self._on_words),
        ):
            full = topic if name == GRAPH_TOPIC else place + name.replace("~", NODE_NAME)
            node.create_subscription(kind, full, callback, OUTPUTS[name].qos)
        if image_topic:
            is_compressed = image_topic.endswith("compressed")
            kind = CompressedImage if is_compressed else Image
            self._decode = decode_compressed_image if is_compressed else decode_image
            node.create_subscription(kind, image_topic, self._on_image, qos_profile_sensor_data)

    def _on_graph(self, message: SceneGraph) -> None:
        self.num_graphs += 1
        self.matcher.put_graph(key_of(message.header), graph_from_msg(message))

    def _on_label_image(self, message: Image) -> None:
        self.matcher.put_label_image(key_of(message.header), ids_of(message))

    def _on_words(self, message: GraphVocabulary) -> None:
        self._on_vocabulary(vocabulary_from_msg(message))

    def _on_image(self, message: Any) -> None:
        try:
            image = self._decode(message, DEFAULT_LIMIT)
        except ImageError:
            return  # the graph goes without it; the node's log says what is wrong
        self.matcher.put_image(key_of(message.header), image)


def _what_is_there(node: Node, topic: str) -> str:
    graphs = [
        name
        for name, kinds in node.get_topic_names_and_types()
        if "psg_ros/msg/SceneGraph" in kinds and node.count_publishers(name)
    ]
    there = f"graphs are published on {', '.join(graphs)}" if graphs else "nobody publishes graphs"
    return f"nothing on {topic} for {SILENCE_S:.0f} s; {there}"
