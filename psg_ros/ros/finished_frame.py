# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FinishedFrame: an image, its graph and the message of it, for all who make something of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from std_msgs.msg import Header

from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary
from psg_ros.msg import SceneGraph as SceneGraphMessage
from psg_ros.node_config import NodeConfig
from psg_ros.scene_graph import SceneGraph

Made = TypeVar("Made")


@dataclass(frozen=True)
class FinishedFrame:
    """What is known of an image after its graph was published. Nobody changes any of it.

    Attributes:
        frame: the image; its pixels are valid while the frame is being published, no longer.
        message: as published.
        config: that was in force.
        model_hw: input size of the network, px.
    """

    frame: Frame
    graph: SceneGraph
    message: SceneGraphMessage
    vocabulary: Vocabulary
    config: NodeConfig
    model_hw: tuple[int, int]
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what `make` makes; it is called once per name, for all products that need it."""
        if name not in self._made:
            self._made[name] = make()
        made: Made = self._made[name]
        return made

    @property
    def header(self) -> Header:
        """That of the image, which everything made of it has, too."""
        return self.message.header
