# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Failed frames: each counted, each cause reported at most every five seconds."""

from types import SimpleNamespace

import pytest
from picture_bytes import encoded

from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.image_error import ImageError
from psg_ros.ros.failure_log import PERIOD_S, AfterGraph, FailureLog


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


def test_what_is_wrong_with_a_picture_counts_not_where_its_format_is_added(log, texts):
    for data in (b"no picture", encoded("PNG")[:-30], b"no picture", encoded("PNG")[:-30]):
        try:
            decode_compressed_image(SimpleNamespace(format="png", data=data))
        except ImageError as error:
            log(error)
    assert ["known format" in texts[0], "cut off" in texts[1], len(texts)] == [True, True, 2]


def test_what_fails_after_the_graph_skipped_no_image(log, texts):
    for cause in (broken_model(), broken_model(), bad_image()):
        try:
            raise AfterGraph from cause
        except AfterGraph as error:
            log(error)
    begin = "a graph was published, but not all that is made of it\n"
    assert [text.startswith(begin) for text in texts] == [True, True], "one for each cause"
    assert "device lost" in texts[0] and "image 0 is short" in texts[1]
    assert log.failed_frames == 0 and log.last == ""


def test_a_cause_that_goes_on_is_reported_less_and_less_often(log, texts, clock):
    start_s, reports_s = clock.now_s, []
    while clock.now_s < start_s + 2000:
        before = len(texts)
        log(bad_image())
        if len(texts) > before:
            reports_s.append(clock.now_s - start_s)
        clock.now_s += 1
    assert reports_s == [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215, 1515, 1815]
    assert log.failed_frames == 2000
    assert texts[-1].startswith("image skipped (299 more since the last report), 1816 in all")


def test_a_cause_that_was_away_is_reported_at_once(log, texts, clock):
    for _ in range(20):
        log(bad_image())
        clock.now_s += 1
    reported = len(texts)
    clock.now_s += 8 * PERIOD_S  # after reports at 0, 5 and 15 s the wait is 20 s; twice of that
    log(bad_image())
    clock.now_s += PERIOD_S
    log(bad_image())
    assert len(texts) == reported + 2


def test_another_cause_is_reported_at_once_and_with_its_origin(log, texts):
    log(bad_image())
    log(broken_model())
    log(broken_model())
    assert len(texts) == 2
    assert "device lost" in texts[1] and "Traceback" in texts[1] and "broken_model" in texts[1]
    assert "Traceback" not in texts[0]
