# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LabelNames: what the pixels of the label image mean, as vision_msgs/LabelInfo."""

from __future__ import annotations

from typing import Any, ClassVar

from psg_ros.node_config import NodeConfig
from psg_ros.ros.finished_frame import FinishedFrame
from psg_ros.ros.start import LABEL_INFO_TOPIC

try:
    from vision_msgs.msg import LabelInfo, VisionClass
except ImportError:  # then nobody asks for it, see `topics.OPTIONAL`
    LabelInfo = VisionClass = None


class LabelNames:
    """The name of each segment id, with the header of the label image that it belongs to.

    Two chairs are two ids of one name. 0 is void and not listed.
    """

    TOPIC: ClassVar[str] = LABEL_INFO_TOPIC

    def is_offered(self, config: NodeConfig) -> bool:
        return True

    def message(self, finished: FinishedFrame) -> Any:
        names = [
            VisionClass(class_id=node.segment_id, class_name=node.class_name)
            for node in finished.message.nodes
            if node.segment_id
        ]
        # -1 leaves the threshold to the model; nothing below it is in the graph either way.
        threshold = max(float(finished.config.score_threshold), 0.0)
        return LabelInfo(header=finished.header, class_map=names, threshold=threshold)
