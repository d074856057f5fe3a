# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A slow stage in a process of its own: what reaches it, what comes back, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from psg_ros.robot.slow_stage.process import (
    Answer,
    Question,
    StageClosed,
    StageEnded,
    StageError,
    StageHung,
    StageProcess,
)

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120.0
"""The process runs at the lowest priority: on a busy machine it takes its time."""
STAGE = """
    import os, socket, sys, time
    sys.path.insert(0, {root!r})
    import numpy as np
    from psg_ros.network.spade.process import serve
    from psg_ros.robot.slow_stage.process import end_with, lowest_priority

    class Seen:
        def __init__(self, count, words, value):
            self.pairs = np.array([[0, 1]])[:max(count - 1, 0)]
            self.scores = np.full((len(self.pairs), words), value)
        def triple_scores(self):
            return self.scores

    class Stage:
        objects, predicates = ("cup",), ()
        def set_words(self, objects, predicates):
            self.predicates = predicates
        def __call__(self, image, masks):
            if image[0, 0, 0] == 1:
                raise RuntimeError("too dark")
            if image[0, 0, 0] == 2:
                os._exit(3)
            if image[0, 0, 0] == 3:
                open('busy', 'w').close()
                time.sleep(600)
            return Seen(len(masks), len(self.predicates), float(image.mean()) / 255)

    def opened():
        if {how!r} == "refused":
            raise ValueError("no such model")
        if {how!r} == "stuck":
            time.sleep(600)
        return Stage()

    lowest_priority()
    assert os.sched_getscheduler(0) == os.SCHED_IDLE
    os.chdir(os.path.dirname(__file__))
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        end_with(channel)
        serve(channel, opened)
"""


def question(value: int, num_segments: int = 3) -> Question:
    image = np.full((4, 6, 3), value, np.uint8)
    label_map = np.zeros((4, 6), np.int32)
    label_map[:, 3:] = 2  # segment 1 has no pixels
    return Question(image, label_map, num_segments, ("on", "wearing"))


def start(folder: Path, how: str = "") -> StageProcess:
    script = folder / "stage.py"
    script.write_text(textwrap.dedent(STAGE.format(root=str(ROOT), how=how)), encoding="utf-8")
    return StageProcess([str(script)])


def ask(process: StageProcess, value: int) -> Answer:
    return process.ask(question(value), PATIENCE_S)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[StageProcess]:
    made = start(tmp_path)
    yield made
    made.close()


def test_segments_keep_their_numbers_and_words_change_with_each_question(
    process: StageProcess,
) -> None:
    answer = ask(process, 51)
    assert answer.pairs.tolist() == [[0, 2]]
    np.testing.assert_allclose(answer.scores, [[0.2, 0.2]])
    other = question(51)._replace(predicates=("on",))
    assert process.ask(other, PATIENCE_S).scores.shape == (1, 1)


def test_one_bad_image_is_an_error_and_the_next_one_is_answered(process: StageProcess) -> None:
    with pytest.raises(StageError, match="RuntimeError: too dark") as caught:
        ask(process, 1)
    assert not isinstance(caught.value, StageEnded)
    assert ask(process, 255).scores.tolist() == [[1.0, 1.0]]


def test_a_process_that_dies_is_told_and_stays_dead(process: StageProcess) -> None:
    for _ in range(2):
        with pytest.raises(StageEnded, match="its process ended with status 3"):
            ask(process, 2)


def test_a_process_that_is_killed_before_it_is_ready_is_told(tmp_path: Path) -> None:
    process = start(tmp_path)
    os.kill(process._process.pid, signal.SIGKILL)
    with pytest.raises(StageEnded, match="its process was killed: where memory runs out"):
        ask(process, 5)
    process.close()


def test_a_stage_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    process = start(tmp_path, "refused")
    for _ in range(2):
        with pytest.raises(StageEnded, match="no such model"):
            ask(process, 5)
    process.close()


def test_closing_ends_the_process(process: StageProcess) -> None:
    ask(process, 5)
    assert process.runs
    process.close()
    assert not process.runs
    with pytest.raises(StageClosed):
        ask(process, 5)


def be_busy(process: StageProcess, folder: Path) -> tuple[threading.Thread, list[StageError]]:
    """Have the process at an image that takes minutes; returns who waits for it."""
    errors: list[StageError] = []

    def wait() -> None:
        try:
            ask(process, 3)
        except StageError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    end_s = time.monotonic() + PATIENCE_S
    while not (folder / "busy").exists():
        assert time.monotonic() < end_s, "it never got the image"
        time.sleep(0.01)
    return thread, errors


def test_closing_does_not_wait_for_an_image_that_takes_minutes(
    process: StageProcess, tmp_path: Path
) -> None:
    waiting, errors = be_busy(process, tmp_path)
    process.close()
    waiting.join(PATIENCE_S)
    assert process._process.returncode is not None
    assert [type(error) for error in errors] == [StageClosed]


def test_a_busy_process_does_not_outlive_a_node_that_was_killed(
    process: StageProcess, tmp_path: Path
) -> None:
    waiting, _ = be_busy(process, tmp_path)
    process._channel.shutdown(socket.SHUT_RDWR)  # as the system does for the dead
    assert process._process.wait(PATIENCE_S) == 0
    waiting.join(PATIENCE_S)


def test_a_process_that_is_late_with_an_answer_has_hung(process: StageProcess) -> None:
    ask(process, 5)
    for _ in range(2):
        with pytest.raises(StageHung, match="did not answer within 0.2 s .* spade_timeout_s"):
            process.ask(question(3), 0.2)


def test_a_process_that_is_late_with_loading_has_hung(tmp_path: Path) -> None:
    process = start(tmp_path, "stuck")
    with pytest.raises(StageHung, match="did not load within 0.2 s"):
        process.ask(question(5), 0.2)
    process.close()


def test_a_stopped_process_that_takes_no_image_has_hung_and_is_ended_at_once(
    process: StageProcess,
) -> None:
    ask(process, 5)
    os.kill(process._process.pid, signal.SIGSTOP)
    image = np.zeros((2000, 2000, 3), np.uint8)  # more than the socket keeps
    large = question(5)._replace(image=image)
    with pytest.raises(StageHung):
        process.ask(large, 0.2)
    begin_s = time.monotonic()
    process.close()
    assert time.monotonic() - begin_s < 5 and process._process.returncode == -signal.SIGKILL


def test_the_time_that_questions_of_others_take_does_not_count(process: StageProcess) -> None:
    ask(process, 5)
    answers: list[Answer] = []
    with process._turn:
        other = threading.Thread(target=lambda: answers.append(process.ask(question(5), 60.0)))
        other.start()
        time.sleep(0.1)
        assert answers == []
    other.join(PATIENCE_S)
    assert len(answers) == 1
