# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""WordService: other labels and predicates while the node runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from psg_ros.labels import Vocabulary
from psg_ros.ros.start import WORDS_SERVICE

UNCONFIGURED = "no model is loaded: configure the node first"


class WordService:
    """Takes over what `psg words` has written into the folder of the loaded model.

    Args:
        offer: has every camera use those words from its next image on, and returns them; None while
            no model is loaded.
    """

    def __init__(self, node: Node, offer: Callable[[], Vocabulary | None]) -> None:
        self._node, self._offer = node, offer
        node.create_service(Trigger, WORDS_SERVICE, self._reload)

    def _reload(self, request: Any, response: Any) -> Any:
        try:
            vocabulary = self._offer()
        except (OSError, ValueError) as error:
            response.success, response.message = False, str(error)
            self._node.get_logger().warning(f"the words stay unchanged: {error}")
            return response
        response.success = vocabulary is not None
        response.message = UNCONFIGURED
        if vocabulary is not None:
            response.message = (
                f"{vocabulary.num_labels} labels and {vocabulary.num_predicates} predicates from "
                "the next image on, with new ids"
            )
        return response
