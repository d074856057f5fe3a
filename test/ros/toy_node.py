# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node in a program that adds a backend of its own to the table."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from toy_backend import TOY

from psg_ros.backend_table import BACKENDS
from psg_ros.ros.scene_graph_node import main

if __name__ == "__main__":
    BACKENDS["toy"] = TOY
    sys.exit(main())
