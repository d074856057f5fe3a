# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SPADE as a process beside the node: python -m psg_ros.network.spade.process FOLDER SOCKET

Loads the folder, then answers questions until the other end is gone; see
`psg_ros.robot.slow_stage`.
"""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from psg_ros.robot.slow_stage.process import end_with, lowest_priority
from psg_ros.robot.slow_stage.wire import receive, send

EXPECTED_ERRORS = (ImportError, OSError, ValueError)
"""What a wrong folder raises: one line says it all."""

Stage = Any
"""`SpadeStage`, or what behaves like one."""


def serve(channel: socket.socket, open_stage: Callable[[], Stage]) -> None:
    """Answer questions; returns when the other end is gone."""
    try:
        stage = open_stage()
    except EXPECTED_ERRORS as error:
        send(channel, {"error": str(error), "fatal": True})
        return
    except Exception as error:  # noqa: BLE001 - the node is to say more than that it ended
        logging.exception("SPADE could not be loaded")
        send(channel, {"error": f"{type(error).__name__}: {error}", "fatal": True})
        return
    send(channel, {"ready": True})
    while True:
        try:
            facts, arrays = receive(channel)
        except EOFError:
            return
        try:
            answer = _answer(stage, facts, arrays)
        except Exception as error:  # noqa: BLE001 - one bad frame must not end the stage
            logging.exception("SPADE could not look at an image")
            send(channel, {"error": f"{type(error).__name__}: {error}"})
        else:
            send(channel, {}, answer)


def _answer(
    stage: Stage, facts: dict[str, Any], arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    predicates = tuple(facts["predicates"])
    if predicates != stage.predicates:
        stage.set_words(stage.objects, predicates)
    segments = np.arange(facts["num_segments"])
    masks = arrays["label_map"] == segments[:, None, None]
    # A segment that lost all its pixels has no place in the graph.
    places = np.flatnonzero(masks.any((1, 2)))
    seen = stage(arrays["image"], masks[places])
    return {"pairs": places[seen.pairs].astype(np.int32), "scores": seen.triple_scores()}


def main(arguments: list[str]) -> None:
    """Run the process."""
    folder, number = arguments
    lowest_priority()
    with socket.socket(fileno=int(number)) as channel:
        end_with(channel)
        serve(channel, lambda: _open(Path(folder)))


def _open(folder: Path) -> Stage:
    # Here, not at the top: without torch, the node is to hear which package is missing.
    from psg_ros.network.spade.stage import SpadeStage

    return SpadeStage.open(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
