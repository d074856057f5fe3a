# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The worker: one thread for the model, bad frames survived, pause and close complete."""

import threading

import pytest

from psg_ros.ros.worker import Worker

PATIENCE_S = 60


class Model:
    """Notes which thread touches it."""

    def __init__(self):
        self.threads = [threading.get_ident()]
        self.closed = False

    def close(self):
        self.threads.append(threading.get_ident())
        self.closed = True


class Recorder:
    """A `process` that notes frames and signals each one; the frame 'bad' raises."""

    def __init__(self):
        self.frames, self.errors, self.threads = [], [], []
        self.done = threading.Semaphore(0)

    def process(self, source, frame):
        self.threads.append(threading.get_ident())
        self.frames.append(frame)
        if frame != "bad":
            self.done.release()
        else:
            raise RuntimeError("bad frame")

    def failed(self, source, error):
        self.errors.append(error)
        self.done.release()

    def wait(self):
        assert self.done.acquire(timeout=PATIENCE_S)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def worker(recorder):
    worker = Worker(Model, recorder.process, recorder.failed)
    yield worker
    worker.close()


def test_one_thread_that_is_not_ours_opens_runs_and_closes_the_model(worker, recorder):
    model = worker.open()
    worker.resume()
    worker.put("frame")
    recorder.wait()
    worker.close()
    assert model.closed
    assert len({*model.threads, *recorder.threads}) == 1
    assert model.threads[0] != threading.get_ident()


def test_open_raises_what_the_model_raised_and_leaves_no_thread():
    def refuse():
        raise FileNotFoundError("no model")

    before = threading.active_count()
    worker = Worker(refuse, lambda source, frame: None, lambda source, error: None)
    with pytest.raises(FileNotFoundError, match="no model"):
        worker.open()
    worker.close()
    assert threading.active_count() == before


def test_a_bad_frame_is_reported_and_the_next_one_is_worked_on(worker, recorder):
    worker.open()
    worker.resume()
    for frame in ("bad", "good", "bad", "good"):
        worker.put(frame)
        recorder.wait()
    assert recorder.frames == ["bad", "good", "bad", "good"]
    assert [str(error) for error in recorder.errors] == ["bad frame", "bad frame"]


def test_frames_are_ignored_until_resumed_and_after_pause(worker, recorder):
    worker.open()
    worker.put("too early")
    worker.resume()
    worker.put("first")
    recorder.wait()
    worker.pause()
    worker.put("too late")
    worker.resume()
    worker.put("second")
    recorder.wait()
    assert recorder.frames == ["first", "second"]


def test_pause_returns_only_after_the_frame_in_work():
    entered, leave, finished = threading.Event(), threading.Event(), []

    def process(source, frame):
        entered.set()
        assert leave.wait(PATIENCE_S)
        finished.append(frame)

    worker = Worker(Model, process, lambda source, error: None)
    worker.open()
    worker.resume()
    worker.put("slow")
    assert entered.wait(PATIENCE_S)
    threading.Timer(0.1, leave.set).start()
    worker.pause()
    assert finished == ["slow"]
    worker.close()


def test_drops_are_counted_since_resume():
    entered, leave = threading.Event(), threading.Event()

    def process(source, frame):
        entered.set()
        leave.wait(PATIENCE_S)

    worker = Worker(Model, process, lambda source, error: None)
    worker.open()
    worker.resume()
    worker.put(0)
    assert entered.wait(PATIENCE_S)
    for frame in (1, 2, 3):
        worker.put(frame)
    assert worker.dropped_before() == 0, "they came after the current frame"
    entered.clear()
    leave.set()
    assert entered.wait(PATIENCE_S)
    assert worker.dropped_before() == 2
    worker.pause()
    worker.resume()
    assert worker.dropped_before() == 0
    worker.close()


def test_a_frame_of_an_earlier_round_is_not_worked_on(worker, recorder):
    """It may have been taken from the mailbox just before the pause."""
    worker.open()
    worker.resume()
    stale = worker._round
    worker.pause()
    worker.resume()
    worker._work_on(0, stale, "stale")
    worker._work_on(0, worker._round, "fresh")
    assert recorder.frames == ["fresh"]
