# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node as a process, with a timer that raises out of the executor."""

import sys

from embedding import ThingPipeline

from psg_ros.ros.scene_graph_node import SceneGraphNode, main

DELAY_S = 0.2


def fail():
    raise RuntimeError("a timer of somebody else")


if __name__ == "__main__":
    activate = SceneGraphNode.on_activate

    def activate_and_fail_soon(node, state):
        node.create_timer(DELAY_S, fail)
        return activate(node, state)

    SceneGraphNode.on_activate = activate_and_fail_soon
    sys.exit(main(open_pipeline=ThingPipeline))
