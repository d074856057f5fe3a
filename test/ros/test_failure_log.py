# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Failed frames: each counted, each cause reported at most every five seconds."""

import pytest

from psg_ros.ops.image_error import ImageError
from psg_ros.ros.failure_log import PERIOD_S, FailureLog


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def texts():
    return []


@pytest.fixture
def log(texts, clock):
    return FailureLog(texts.append, clock)


def bad_image(number=0):
    try:
        raise ImageError(f"image {number} is short")
    except ImageError as error:
        return error


def broken_model():
    try:
        raise RuntimeError("device lost")
    except RuntimeError as error:
        return error


def test_one_line_per_cause_and_period_whatever_the_text_says(log, texts, clock):
    for number in range(1000):
        log(bad_image(number))
        clock.now_s += 0.9 * PERIOD_S / 1000
    assert texts == ["image skipped, 1 in all: image 0 is short"]
    clock.now_s += PERIOD_S
    log(bad_image(1000))
    assert texts[1:] == [
        "image skipped (999 more since the last report), 1001 in all: image 1000 is short"
    ]
    assert log.failed_frames == 1001


def test_another_cause_is_reported_at_once_and_with_its_origin(log, texts):
    log(bad_image())
    log(broken_model())
    log(broken_model())
    assert len(texts) == 2
    assert "device lost" in texts[1] and "Traceback" in texts[1] and "broken_model" in texts[1]
    assert "Traceback" not in texts[0]
