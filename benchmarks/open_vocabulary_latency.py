# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What heads that compare with words cost at run time: both networks, closed and open, in turn.

    python benchmarks/open_vocabulary_latency.py --model demo --rounds 200

Random weights of a model config. Measured is CPU time, one thread. The two variants run in pairs,
every other pair in the other order, so that what else the machine does meets both. Least and median
of each are printed, and the median of what the open network takes longer within a pair. Needs the
extra train.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Sequence
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

VARIANTS = ("closed", "open")


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
        for number in range(args.rounds):
            for artifact in ("segmenter", "relations"):
                for name in VARIANTS[:: 1 if number % 2 else -1]:
                    backend, inputs = calls[artifact, name]
                    started = time.process_time()
                    backend.run(inputs)
                    times[artifact, name].append(1e3 * (time.process_time() - started))
    figures = {
        artifact: compared(*(times[artifact, name] for name in VARIANTS))
        for artifact in ("segmenter", "relations")
    }
    about = {
        "command": f"python benchmarks/open_vocabulary_latency.py --model {args.model} "
        f"--rounds {args.rounds}",
        "machine": describe_machine(), "backend": args.backend, "threads": 1, "pairs": args.pairs,
    }  # fmt: skip
    print(json.dumps(about | figures, indent=1))


def compared(closed: Sequence[float], opened: Sequence[float]) -> dict[str, object]:
    """Return the figures of CPU times in ms that were measured in pairs."""
    longer = 100 * (np.array(opened) / np.array(closed) - 1)
    return {
        name: {
            "least_ms": round(min(times), 3),
            "median_ms": round(float(np.median(times)), 3),
        }
        for name, times in zip(VARIANTS, (closed, opened), strict=True)
    } | {"open is longer by, %": round(float(np.median(longer)), 1)}


if __name__ == "__main__":
    main()
