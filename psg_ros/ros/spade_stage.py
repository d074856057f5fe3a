# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SPADE beside the pipeline of one camera: its process, its words, its place in the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary
from psg_ros.node_config import NodeConfig
from psg_ros.robot.slow_stage.keeper import StageKeeper
from psg_ros.robot.slow_stage.opinion import extended
from psg_ros.robot.slow_stage.process import StageProcess
from psg_ros.robot.slow_stage.scheduler import Schedule, SlowStage
from psg_ros.scene_graph import SceneGraph
from psg_ros.spade_config import SPADE_MODULE, trained_predicates


class SpadeProcess(StageKeeper):
    """The one process of a node, for all its cameras; started again where it ends or hangs.

    Args:
        warn: told once of each process that ended, why, in a thread of its own.

    Attributes:
        predicates: words of its training.

    Raises:
        FileNotFoundError, ValueError: `folder` holds no trained SPADE.
        OSError: the system starts no process.
    """

    def __init__(self, folder: str, warn: Callable[[str], object]) -> None:
        self.predicates = trained_predicates(Path(folder))
        command = ["-m", SPADE_MODULE, str(Path(folder).expanduser())]
        super().__init__(lambda: StageProcess(command), lambda why: warn(f"SPADE: {why}"))


class SpadeStage:
    """SPADE of one camera. `see` and `forget` are for the worker's thread, the rest for any.

    Args:
        process: None where the node has none; then nothing happens here.
        warn: told, in a thread of its own, why there was no answer about an image.
    """

    def __init__(self, process: SpadeProcess | None, warn: Callable[[str], object]) -> None:
        self._trained = process.predicates if process else ()
        self._stage = (
            SlowStage(process, lambda why: warn(f"SPADE gave no answer: {why}"))
            if process
            else None
        )
        self._known: tuple[Vocabulary, tuple[str, ...], Vocabulary] | None = None

    def vocabulary(self, own: Vocabulary, config: NodeConfig) -> Vocabulary:
        """Return the model's vocabulary with SPADE's words; always the same object for the same."""
        if self._stage is None:
            return own
        words = self._words(config)
        if self._known is None or self._known[0] is not own or self._known[1] != words:
            self._known = own, words, extended(own, words)
        return self._known[2]

    def see(
        self, frame: Frame, graph: SceneGraph, own: Vocabulary, config: NodeConfig
    ) -> SceneGraph:
        """Return the graph with what SPADE said of older frames; it may be asked about this one."""
        if self._stage is None:
            return graph
        schedule = Schedule(
            config.spade_every,
            self._words(config),
            config.spade_threshold,
            config.spade_lasts_s,
            config.spade_timeout_s,
        )
        words = self.vocabulary(own, config)
        return self._stage.see(frame, graph, words, schedule, config.max_relations)

    def request(self) -> str:
        """Have it look at the next frame; returns why that cannot be, or ""."""
        if self._stage is None:
            return "there is no SPADE: set spade_model and configure again"
        return self._stage.request()

    def forget(self) -> None:
        """Drop what it said: the tracks have ended."""
        if self._stage is not None:
            self._stage.forget()

    def close(self) -> None:
        """End the thread; close the process first."""
        if self._stage is not None:
            self._stage.close()

    def _words(self, config: NodeConfig) -> tuple[str, ...]:
        return config.spade_predicates or self._trained
