# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node with a model that takes SLOW_MODEL_MS longer, asleep as on a busy accelerator."""

import os
import sys
import time

from psg_ros.robot.pipeline import Pipeline
from psg_ros.ros.scene_graph_node import main


class SlowPipeline(Pipeline):
    """A pipeline whose inference waits without holding Python's lock."""

    def __call__(self, frame, measure=None):
        time.sleep(float(os.environ["SLOW_MODEL_MS"]) / 1e3)
        return super().__call__(frame, measure)


if __name__ == "__main__":
    sys.exit(main(open_pipeline=SlowPipeline.open))
