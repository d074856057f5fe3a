# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node, which says at its end how often it drew and how often it made a label image."""

import collections
import json
import sys

from psg_ros.ros import frame_processor, products
from psg_ros.ros.scene_graph_node import main

COUNTED = {
    "overlay": products,
    "segmentation_to_msg": products,
    "scene_graph_to_msg": frame_processor,
}


def count_calls(counts):
    def counting(name, function):
        def call(*args, **kwargs):
            counts[name] += 1
            return function(*args, **kwargs)

        return call

    for name, module in COUNTED.items():
        setattr(module, name, counting(name, getattr(module, name)))


if __name__ == "__main__":
    calls = collections.Counter(dict.fromkeys(COUNTED, 0))
    count_calls(calls)
    status = main()
    print(json.dumps({"topic": "calls", **calls}))
    sys.exit(status)
