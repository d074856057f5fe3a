# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How many bytes a graph takes and its delta, of a camera that swings through the simulated world.

    python benchmarks/delta_size.py [--images 60] [--rate 10]

Default limits of deltas, model that ships, 640 x 480 px. Takes half a minute.
"""

from __future__ import annotations

import argparse

import numpy as np
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from psg_ros.frame import Frame
from psg_ros.graph_delta import DeltaEncoder
from psg_ros.node_config import NodeConfig
from psg_ros.robot.pipeline import Pipeline
from psg_ros.ros.conversions import delta_to_msg, scene_graph_to_msg
from psg_ros.simulation import SimulatedCamera

SEED = 3


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rate", type=float, default=10.0)
    args = parser.parse_args()
    config, whole, changes, keyframes = NodeConfig(), [], [], []
    camera = SimulatedCamera(SEED, rate_hz=args.rate)
    encoder = DeltaEncoder(config)
    with Pipeline.open(config) as pipeline:
        for sequence in range(1, args.images + 1):
            now_ns = round(sequence * 1e9 / args.rate)
            graph = pipeline(Frame(camera.read()[0], stamp_ns=now_ns))
            message = scene_graph_to_msg(graph, Header())
            message.sequence = sequence
            delta = encoder.encode(message, now_ns)
            whole.append(len(serialize_message(message)))
            size = len(serialize_message(delta_to_msg(delta)))
            (keyframes if delta.keyframe else changes).append(size)
    camera.close()
    print(
        f"graph {np.mean(whole):.0f} bytes, delta {np.mean(changes):.0f}, keyframe "
        f"{np.mean(keyframes):.0f}, deltas with keyframes {np.mean(changes + keyframes):.0f}"
    )


if __name__ == "__main__":
    main()
