# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What heads that compare with words cost at run time: both networks, closed and open, in turn.

    python benchmarks/open_vocabulary_latency.py --model demo --rounds 200

Random weights of a model config. The two variants run alternately, so that what else the machine
does meets both; the least and the middle time of each are printed. Needs the extra train.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from psg_ros.config import Recommendation
from psg_ros.labels import find_vocabulary
from psg_ros.machine import describe_machine
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import build_dsflash
from psg_ros.resources import share_path
from psg_ros.robot.forms import load_model
from psg_ros.robot.runtime.backend import open_backend
from psg_ros.setting_files import load_config
from psg_ros.training.release import release
from psg_ros.training.words import take_words


def main() -> None:
    """Export both, run both, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="demo", help="a file of config/model")
    parser.add_argument("--labels", default="simulation")
    parser.add_argument("--backend", default="openvino")
    parser.add_argument("--pairs", type=int, default=66, help="12 segments have 66")
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args()
    closed = load_config(ModelConfig, share_path() / "config" / "model" / f"{args.model}.yaml")
    opened = dataclasses.replace(
        closed,
        segmenter=dataclasses.replace(closed.segmenter, text_encoder="bag_of_words"),
        relations=dataclasses.replace(closed.relations, text_encoder="bag_of_words"),
    )
    vocabulary, rng = find_vocabulary(args.labels), np.random.default_rng(0)
    calls = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, config in (("closed", closed), ("open", opened)):
            model = build_dsflash(config, vocabulary.num_labels, vocabulary.num_predicates).eval()
            take_words(model, vocabulary)
            path = release(model, args.labels, Path(temporary) / name, Recommendation())
            folder = load_model(str(path))
            for artifact in ("segmenter", "relations"):
                spec = folder.manifest.artifact(artifact)
                backend = open_backend(
                    args.backend, folder.artifact_path(artifact), spec, threads=1, precision="fp32"
                )
                inputs = {}
                for tensor in spec.inputs:
                    shape = [args.pairs if size == -1 else size for size in tensor.shape]
                    inputs[tensor.name] = rng.random(shape).astype(tensor.dtype)
                calls[artifact, name] = backend, inputs
        times: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
        for _ in range(args.rounds):
            for key, (backend, inputs) in calls.items():
                started = time.perf_counter()
                backend.run(inputs)
                times[key].append(1e3 * (time.perf_counter() - started))
    figures = {
        artifact: {
            name: {
                "least_ms": round(min(times[artifact, name]), 3),
                "median_ms": round(float(np.median(times[artifact, name])), 3),
            }
            for name in ("closed", "open")
        }
        for artifact in ("segmenter", "relations")
    }
    about = {"machine": describe_machine(), "backend": args.backend, "pairs": args.pairs}
    print(json.dumps(about | figures, indent=1))


if __name__ == "__main__":
    main()
