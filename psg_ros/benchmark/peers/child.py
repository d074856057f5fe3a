# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs one peer; a program of its own, started by `run`.

Reads {"peer": name, "settings": {...}, "started": time.time()} as the first line of the standard
input and answers with a `Start`. Each further line asks for one frame, {"frame": true}; the answer
holds its times. At the end of the input it answers with its peak of memory. All is JSON, one line
each.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import numpy as np

from psg_ros.benchmark.ladder.inputs import build_scene, read_picture, read_vocabulary
from psg_ros.benchmark.ladder.scene import Scene
from psg_ros.benchmark.peers.energy import EnergyMeter
from psg_ros.benchmark.peers.settings import PeerSettings, Start, choose_peers, settings_of
from psg_ros.machine import peak_resident_mib, processor

RunFrame = Callable[[np.ndarray], "tuple[float, int]"]
"""uint8 [height, width, 3] RGB -> CPU ms of the segmenter alone, and how many segments came out."""


def main() -> None:
    """Obey the standard input. What libraries print goes to the standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    order = json.loads(sys.stdin.readline())
    (peer,) = choose_peers([order["peer"]])
    settings = settings_of(order["settings"])
    image, scene = inputs(settings)
    build = getattr(importlib.import_module(peer.module), peer.build)
    run_frame: RunFrame = build(peer, settings, scene)
    digest = input_sha256(image, scene)
    start = Start(digest, time.time() - order["started"], processor())
    _answer(answers, dataclasses.asdict(start))
    for _ in iter(sys.stdin.readline, ""):
        _answer(answers, timed(run_frame, image, EnergyMeter()))
    _answer(answers, {"peak_mib": peak_resident_mib()})


def inputs(settings: PeerSettings) -> tuple[np.ndarray, Scene]:
    """Return the picture and the partition that every peer works on."""
    image = read_picture(settings.ladder)
    scene = build_scene(settings.ladder, read_vocabulary(settings.ladder), image.shape[:2])
    assert scene is not None, "peers have random weights"
    return image, scene


def input_sha256(image: np.ndarray, scene: Scene) -> str:
    """Return one digest of all that a peer is given."""
    digest = hashlib.sha256()
    for array in (image, scene.class_logits, scene.mask_logits):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def timed(run_frame: RunFrame, image: np.ndarray, meter: EnergyMeter) -> dict[str, Any]:
    """Run one frame and return what it took."""
    meter.begin()
    wall, cpu = time.perf_counter(), time.process_time()
    network_ms, segments = run_frame(image)
    cpu_ms, wall_ms = (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3
    return {
        "wall_ms": wall_ms,
        "cpu_ms": cpu_ms,
        "network_ms": network_ms,
        "segments": segments,
        "joules": meter.end(),
    }


def _answer(stream: TextIO, content: dict[str, Any]) -> None:
    print(json.dumps(content), file=stream, flush=True)


if __name__ == "__main__":
    main()
