# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stage that is kept running: what ends a process, what is told, when the next one starts."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from psg_ros.robot.slow_stage.keeper import FIRST_REST_S, LONGEST_REST_S, StageKeeper
from psg_ros.robot.slow_stage.process import (
    Answer,
    Question,
    StageClosed,
    StageEnded,
    StageError,
    StageHung,
)

QUESTION = Question(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.int32), 1, ("on",))
ANSWER = Answer(np.zeros((0, 2), np.int32), np.zeros((0, 1)))


class Process:
    """Fails with `error`, if there is one; `waits` holds a question up."""

    def __init__(self, error: StageError | None = None) -> None:
        self.error, self.closed, self.runs = error, 0, True
        self.asked, self.waits = threading.Event(), threading.Event()
        self.waits.set()

    def ask(self, question: Question, limit_s: float) -> Answer:
        self.asked.set()
        assert self.waits.wait(20)
        if self.error:
            raise self.error
        return ANSWER

    def close(self) -> None:
        self.closed += 1
        self.error = self.error or StageClosed()
        self.waits.set()


class Kept:
    """A keeper whose processes are made here, one for each error, and a clock to turn."""

    def __init__(self, *errors: StageError | None) -> None:
        self.made: list[Process] = []
        self.warnings: list[str] = []
        self.now_s, self._errors = 0.0, iter(errors)
        self.refusal: OSError | None = None
        self.keeper = StageKeeper(self.start, self.warnings.append, lambda: self.now_s)

    def start(self) -> Process:
        if self.refusal:
            raise self.refusal
        self.made.append(Process(next(self._errors, None)))
        return self.made[-1]

    def fail(self) -> None:
        with pytest.raises(StageEnded):
            self.keeper.ask(QUESTION, 1.0)


def test_a_process_that_hung_is_ended_told_of_once_and_followed_by_another() -> None:
    kept = Kept(StageHung("it did not answer within 1 s"), None)
    kept.fail()
    assert kept.made[0].closed == 1
    (warning,) = kept.warnings
    assert warning.startswith("it did not answer within 1 s. It is started again for a frame in 10")
    facts = kept.keeper.facts
    assert (facts.runs, facts.starts, facts.ended, facts.hung) == (False, 1, 1, 1)
    assert facts.failure == "it did not answer within 1 s" and facts.rests_s == FIRST_REST_S
    kept.now_s += FIRST_REST_S
    assert kept.keeper.ask(QUESTION, 1.0) is ANSWER
    facts = kept.keeper.facts
    assert (facts.runs, facts.starts, facts.answers, facts.failure) == (True, 2, 1, "")
    assert len(kept.warnings) == 1


def test_each_rest_is_twice_the_last_until_there_is_an_answer() -> None:
    kept = Kept(*[StageEnded("its process ended")] * 8, None, StageEnded("again"))
    rests_s = []
    for _ in range(8):
        kept.fail()
        rests_s.append(kept.keeper.rests_s)
        kept.now_s += rests_s[-1]
    assert rests_s == [10, 20, 40, 80, 160, 320, LONGEST_REST_S, LONGEST_REST_S]
    kept.keeper.ask(QUESTION, 1.0)
    kept.made[-1].error = StageEnded("again")
    kept.fail()
    assert kept.keeper.rests_s == FIRST_REST_S
    assert kept.keeper.facts.hung == 0 and kept.keeper.facts.ended == 9


def test_nothing_is_started_during_a_rest_unless_somebody_is_in_a_hurry() -> None:
    kept = Kept(StageEnded("its process ended"), None)
    kept.fail()
    kept.fail()
    assert len(kept.made) == 1 and len(kept.warnings) == 1
    kept.keeper.hurry()
    assert kept.keeper.rests_s == 0 and kept.keeper.ask(QUESTION, 1.0) is ANSWER


def test_an_image_that_fails_leaves_the_process_alone() -> None:
    kept = Kept(StageError("too dark"))
    with pytest.raises(StageError, match="too dark"):
        kept.keeper.ask(QUESTION, 1.0)
    assert kept.made[0].closed == 0 and kept.warnings == [] and kept.keeper.rests_s == 0


def test_two_cameras_that_meet_one_end_are_told_of_it_once() -> None:
    kept = Kept(StageEnded("its process ended"))
    process = kept.made[0]
    process.waits.clear()
    threads = [threading.Thread(target=kept.fail) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert process.asked.wait(20)
    process.waits.set()
    for thread in threads:
        thread.join(20)
    assert len(kept.warnings) == 1 and kept.keeper.facts.ended == 1


def test_a_process_that_died_while_nobody_asked_is_seen_not_to_run() -> None:
    kept = Kept()
    assert kept.keeper.facts.runs
    kept.made[0].runs = False
    assert not kept.keeper.facts.runs


def test_facts_do_not_wait_for_a_process_that_is_being_started() -> None:
    kept = Kept(StageEnded("its process ended"), None)
    kept.fail()
    kept.keeper.hurry()
    begun, go_on, start = threading.Event(), threading.Event(), kept.start

    def slowly() -> Process:
        begun.set()
        assert go_on.wait(20)
        return start()

    kept.keeper._start = slowly
    thread = threading.Thread(target=lambda: kept.keeper.ask(QUESTION, 1.0))
    thread.start()
    assert begun.wait(20)
    assert kept.keeper.facts.starts == 1 and kept.keeper.rests_s == 0
    go_on.set()
    thread.join(20)
    assert kept.keeper.facts.starts == 2


def test_closing_ends_who_waits_and_nothing_starts_afterwards() -> None:
    kept = Kept()
    process, errors = kept.made[0], []
    process.waits.clear()

    def ask() -> None:
        try:
            kept.keeper.ask(QUESTION, 1.0)
        except StageError as error:
            errors.append(type(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert process.asked.wait(20)
    kept.keeper.close()
    thread.join(20)
    assert errors == [StageClosed] and kept.warnings == []
    with pytest.raises(StageClosed):
        kept.keeper.ask(QUESTION, 1.0)
    assert len(kept.made) == 1 and process.closed == 1


def test_a_system_that_starts_no_process_is_asked_again_after_a_rest() -> None:
    kept = Kept(StageEnded("its process ended"), None)
    kept.fail()
    kept.keeper.hurry()
    kept.refusal = OSError("no memory")
    kept.fail()
    assert "no process can be started for it: no memory" in kept.warnings[-1]
    assert kept.keeper.rests_s == 2 * FIRST_REST_S
    kept.refusal = None
    kept.now_s += 2 * FIRST_REST_S
    assert kept.keeper.ask(QUESTION, 1.0) is ANSWER
