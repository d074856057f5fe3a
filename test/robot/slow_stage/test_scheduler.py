# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When a slow stage is asked, that nobody waits for it, and what its failures change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from psg_ros.frame import Frame
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.slow_stage.process import Answer, Question, StageClosed, StageEnded, StageError
from psg_ros.robot.slow_stage.scheduler import Schedule, SlowStage
from psg_ros.scene_graph import SceneGraph, SceneNode, Segmentation, Track, TrackState

WORDS = Vocabulary((ObjectLabel("cup", True, (0, 0, 0)),), (Predicate("on"),))
LABEL_MAP = np.array([[0, 1]], np.int32)
PATIENCE_S = 20.0


class Stage:
    """Answers when it is let; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.let = threading.Semaphore(0)
        self.error: Exception | None = None
        self.rests_s = 0.0
        self.limits_s: list[float] = []

    def hurry(self) -> None:
        self.rests_s = 0.0

    def ask(self, question: Question, limit_s: float) -> Answer:
        self.limits_s.append(limit_s)
        self.asked.append(question)
        assert self.let.acquire(timeout=PATIENCE_S)
        if self.error:
            raise self.error
        return Answer(np.array([[0, 1]]), np.array([[0.8]]))


class Camera:
    """Frames one after the other through a slow stage."""

    def __init__(self, every: int) -> None:
        self.stage, self.failures = Stage(), []
        self.slow = SlowStage(self.stage, self.failures.append)
        self.schedule = Schedule(every, ("on",), 0.1, 100.0, 7.0)
        self.number = 0

    def see(self, tracked: bool = True) -> SceneGraph:
        self.number += 1
        track = (Track(1, TrackState.CONFIRMED, 0), Track(2, TrackState.CONFIRMED, 0))
        nodes = tuple(
            SceneNode(i, 0, "cup", True, 1.0, (i, 0, i + 1, 1), (i + 0.5, 0.5), 1, False, track[i])
            for i in range(2)
        )
        segmentation = Segmentation(LABEL_MAP, np.zeros(2, np.int64), np.ones(2, np.float32))
        pixels = np.full((1, 2, 3), self.number % 255, np.uint8)
        frame = Frame(pixels, stamp_ns=self.number * 10**8 if tracked else None)
        found = self.slow.see(frame, SceneGraph(segmentation, nodes, ()), WORDS, self.schedule, 9)
        pixels[:] = 255  # the camera has its buffer back
        return found

    def answer(self) -> None:
        """Let the stage answer, and wait until that is known."""
        self.stage.let.release()
        wait_until(lambda: not self.slow.is_busy)


def wait_until(holds) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.001)


@pytest.fixture
def camera(request: pytest.FixtureRequest) -> Iterator[Camera]:
    made = Camera(getattr(request, "param", 3))
    yield made
    made.stage.let.release(100)
    made.slow.close()


def test_every_third_frame_is_asked_about_and_the_answer_holds_for_later_ones(
    camera: Camera,
) -> None:
    assert all(camera.see().relations == () for _ in range(3))
    assert camera.slow.asked == 1
    camera.answer()
    assert [len(camera.see().relations) for _ in range(3)] == [1, 1, 1]
    assert camera.slow.asked == 2
    camera.answer()
    assert [int(asked.image[0, 0, 0]) for asked in camera.stage.asked] == [3, 6]
    assert camera.stage.limits_s == [7.0, 7.0]


def test_frames_that_are_due_while_the_stage_is_busy_are_passed_over(camera: Camera) -> None:
    for _ in range(20):
        camera.see()
    assert camera.slow.asked == 1
    camera.answer()
    camera.see()  # long due
    wait_until(lambda: len(camera.stage.asked) == 2)
    assert int(camera.stage.asked[1].image[0, 0, 0]) == 21


@pytest.mark.parametrize("camera", [0], indirect=True)
def test_without_a_rhythm_only_requests_are_asked(camera: Camera) -> None:
    for _ in range(5):
        camera.see()
    assert camera.slow.asked == 0
    assert camera.slow.request() == ""
    camera.see()
    camera.see()
    assert camera.slow.asked == 1
    camera.answer()


@pytest.mark.parametrize("camera", [0], indirect=True)
def test_a_request_that_meets_the_end_of_the_stage_is_kept(camera: Camera) -> None:
    camera.stage.error = StageEnded("it was killed")
    camera.slow.request()
    camera.see()
    camera.answer()
    camera.stage.error = None
    camera.see()
    camera.answer()
    assert (camera.slow.asked, camera.slow.answered) == (2, 1)
    camera.see()
    assert camera.slow.asked == 2


def test_an_answer_about_tracks_that_ended_meanwhile_is_dropped(camera: Camera) -> None:
    for _ in range(3):
        camera.see()
    camera.slow.forget()
    camera.answer()
    assert camera.see().relations == ()


def test_frames_that_belong_to_no_stream_are_left_alone(camera: Camera) -> None:
    for _ in range(9):
        camera.see(tracked=False)
    assert camera.slow.asked == 0


def test_one_failure_is_told_and_the_next_frame_is_asked_about(camera: Camera) -> None:
    camera.stage.error = StageError("too dark")
    for _ in range(3):
        camera.see()
    camera.answer()
    assert camera.failures == ["too dark"]
    camera.stage.error = None
    for _ in range(3):
        camera.see()
    camera.answer()
    assert len(camera.see().relations) == 1


def test_after_the_end_of_a_process_the_next_frame_that_is_due_is_asked_about(
    camera: Camera,
) -> None:
    camera.stage.error = StageEnded("its process ended")
    for _ in range(3):
        camera.see()
    camera.answer()
    assert camera.failures == [], "who keeps the process tells of that, once for all cameras"
    camera.stage.error = None
    for _ in range(3):
        camera.see()
    camera.answer()
    assert len(camera.see().relations) == 1


def test_while_the_stage_rests_no_frame_is_kept_for_it(camera: Camera) -> None:
    camera.stage.rests_s = 5.0
    for _ in range(9):
        camera.see()
    assert camera.slow.asked == 0
    camera.stage.rests_s = 0.0
    camera.see()  # long due
    assert camera.slow.asked == 1
    camera.answer()


def test_a_request_ends_the_rest(camera: Camera) -> None:
    camera.stage.rests_s = 500.0
    assert camera.slow.request() == ""
    camera.see()
    assert camera.slow.asked == 1
    camera.answer()


def test_a_closed_stage_is_asked_no_more(camera: Camera) -> None:
    camera.stage.error = StageClosed()
    for _ in range(3):
        camera.see()
    camera.answer()
    for _ in range(9):
        camera.see()
    assert camera.slow.asked == 1 and camera.failures == []
    assert camera.slow.request() == "the stage is closed"


def test_no_frame_waits_for_the_stage(camera: Camera) -> None:
    """The stage never answers here; a thousand frames go by in the time of their copies."""
    begin_s = time.monotonic()
    for _ in range(1000):
        camera.see()
    assert time.monotonic() - begin_s < PATIENCE_S / 2
    assert camera.slow.asked == 1


def test_an_answer_that_comes_too_late_to_count_is_told(camera: Camera) -> None:
    camera.schedule = Schedule(1, ("on",), 0.1, lasts_s=2.0, limit_s=7.0)
    for _ in range(31):
        camera.see()
    camera.answer()
    assert camera.see().relations == ()
    assert camera.failures == [
        "it came 3 s after its image, but counts for 2 s only: raise spade_lasts_s"
    ]
