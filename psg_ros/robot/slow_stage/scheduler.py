# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SlowStage: which frames a slow stage is asked about, and what later frames hear of it.

Nothing here waits for the stage. It is asked by a thread of its own about one frame at a time;
frames that are due while it is busy are not kept: the next one is newer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary
from psg_ros.robot.slow_stage.opinion import NANOSECONDS, Opinion, make_opinion
from psg_ros.robot.slow_stage.process import Answer, Question, StageClosed, StageEnded
from psg_ros.scene_graph import SceneGraph, SceneNode


class Stage(Protocol):
    """What a `StageKeeper` is to the cameras that ask it."""

    @property
    def rests_s(self) -> float:
        """Seconds during which it is not to be asked; does not wait for anybody."""
        ...

    def ask(self, question: Question, limit_s: float) -> Answer:
        """Wait for the answer; raises StageError."""
        ...

    def hurry(self) -> None:
        """End the rest."""
        ...


@dataclass(frozen=True)
class Schedule:
    """When the stage is asked, and what counts.

    Attributes:
        every: of so many frames one; 0: only on request.
        predicates: words to choose from.
        threshold: score below which a relation is left out, 0..1.
        lasts_s: seconds after which an answer is forgotten.
        limit_s: seconds that an answer may take before the stage counts as hung.
    """

    every: int
    predicates: tuple[str, ...]
    threshold: float
    lasts_s: float
    limit_s: float


@dataclass(frozen=True)
class _Job:
    question: Question
    graph: SceneGraph
    stamp_ns: int
    schedule: Schedule
    tracks: int
    requested: bool


class SlowStage:
    """The stage of one camera. `see` and `forget` are called by one thread, others by any.

    Args:
        stage: asked in a thread of this object's own; may be others', too.
        failed: told, in that thread, why an image got no answer that counts. Not of a stage that
            ended: whoever keeps it tells that once for all.

    Attributes:
        asked, answered: frames since the start.
    """

    def __init__(self, stage: Stage, failed: Callable[[str], object]) -> None:
        self._stage, self._failed = stage, failed
        self.asked = self.answered = 0
        self._frames_since = self._stamp_ns = 0
        self._requested = False
        self._tracks = 0
        self._opinion: Opinion | None = None
        self._job: _Job | None = None
        self._busy = self._ended = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="slow stage", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether it is being asked, or about to be."""
        with self._wake:
            return self._busy or self._job is not None

    def request(self) -> str:
        """Have the next frame looked at, and end a rest; returns why that cannot be, or ""."""
        with self._wake:
            if self._ended:
                return "the stage is closed"
            self._requested = True
        self._stage.hurry()
        return ""

    def see(
        self, frame: Frame, graph: SceneGraph, vocabulary: Vocabulary, schedule: Schedule,
        limit: int,
    ) -> SceneGraph:  # fmt: skip
        """Return the graph with what the stage said of older frames; ask about it if it is due.

        Args:
            graph: of the frame, as the pipeline returned it.
            vocabulary: see `psg_ros.robot.slow_stage.opinion.extended`.
            limit: relations of the result at most.
        """
        if frame.stamp_ns is None:
            return graph
        self._frames_since += 1
        self._stamp_ns = frame.stamp_ns
        if self._is_due(schedule) and any(map(_is_seen, graph.nodes)):
            self._offer(frame, graph, frame.stamp_ns, schedule)
        opinion = self._opinion
        if opinion is None:
            return graph
        return opinion.added(graph, vocabulary, frame.stamp_ns, schedule.lasts_s, limit)

    def forget(self) -> None:
        """Drop what was said, and what is being said: the tracks have ended."""
        with self._wake:
            self._tracks += 1
            self._opinion = self._job = None

    def close(self) -> None:
        """End the thread; close what it asks first."""
        with self._wake:
            self._ended, self._job = True, None
            self._wake.notify()
        self._thread.join()

    def _is_due(self, schedule: Schedule) -> bool:
        due = self._requested or 0 < schedule.every <= self._frames_since
        return due and not self.is_busy and not self._stage.rests_s

    def _offer(self, frame: Frame, graph: SceneGraph, stamp_ns: int, schedule: Schedule) -> None:
        with self._wake:
            if self._ended:
                return
            segmentation = graph.segmentation
            # The pixels are the camera's, who wants them back.
            question = Question(
                frame.image.copy(),
                segmentation.label_map.copy(),
                segmentation.num_segments,
                schedule.predicates,
            )
            self._job = _Job(question, graph, stamp_ns, schedule, self._tracks, self._requested)
            self._frames_since, self._requested = 0, False
            self.asked += 1
            self._wake.notify()

    def _work(self) -> None:
        while (job := self._take()) is not None:
            try:
                answer = self._stage.ask(job.question, job.schedule.limit_s)
                opinion = make_opinion(
                    answer, job.graph, job.question.predicates, job.stamp_ns, job.schedule.threshold
                )
            except StageClosed:
                with self._wake:
                    self._ended = True
            except StageEnded:  # whoever keeps the stage has told of it
                with self._wake:
                    self._requested |= job.requested
            except Exception as error:  # noqa: BLE001 - the next frame may be better
                self._failed(str(error))
            else:
                with self._wake:
                    self.answered += 1
                    if job.tracks == self._tracks:
                        self._opinion = opinion
                self._tell_if_late(job)
            with self._wake:
                self._busy = False

    def _tell_if_late(self, job: _Job) -> None:
        took_s, lasts_s = (self._stamp_ns - job.stamp_ns) / NANOSECONDS, job.schedule.lasts_s
        if took_s >= lasts_s:
            self._failed(
                f"it came {took_s:.0f} s after its image, but counts for {lasts_s:g} s only: raise "
                "spade_lasts_s"
            )

    def _take(self) -> _Job | None:
        with self._wake:
            while self._job is None and not self._ended:
                self._wake.wait()
            job, self._job = self._job, None
            self._busy = job is not None
            return job


def _is_seen(node: SceneNode) -> bool:
    return node.segment >= 0 and node.track is not None
