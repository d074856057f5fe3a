# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""GraphDeltas: the product that says what changed from graph to graph."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from psg_ros.graph_delta import DeltaEncoder
from psg_ros.node_config import NodeConfig
from psg_ros.ros.conversions import delta_to_msg
from psg_ros.ros.finished_frame import FinishedFrame
from psg_ros.ros.start import DELTA_TOPIC


class GraphDeltas:
    """Made while somebody listens; whoever begins to, gets a keyframe within `delta_keyframe_s`."""

    TOPIC: ClassVar[str] = DELTA_TOPIC

    def __init__(self) -> None:
        self._encoder: DeltaEncoder | None = None
        self._demanded = False

    def demand_keyframe(self) -> None:
        """Make the next delta a keyframe; callable from any thread."""
        self._demanded = True

    def is_offered(self, config: NodeConfig) -> bool:
        return True

    def message(self, finished: FinishedFrame) -> Any:
        if self._encoder is None:
            self._encoder = DeltaEncoder(finished.config)
        self._encoder.settings = finished.config
        if self._demanded:
            self._demanded = False
            self._encoder.demand_keyframe()
        # Not the stamps: those of a camera may stand still, and keyframes must come.
        return delta_to_msg(self._encoder.encode(finished.message, time.monotonic_ns()))
