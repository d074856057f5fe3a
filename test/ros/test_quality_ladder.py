# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder: down when most images are late, up when all have time to spare, and no flapping."""

import pytest

from psg_ros.ros.quality_ladder import FIRST_WAIT_S, LONGEST_WAIT_S, STALE_EVERY, QualityLadder
from psg_ros.scene_graph import Quality

DEADLINE_MS = 100.0


class Model:
    """A camera of 10 Hz and a model whose time depends on the rung."""

    def __init__(self, full_ms, reduced_ms):
        self.now_s = 10.0
        self.ladder = QualityLadder(lambda: self.now_s)
        self.takes = {Quality.FULL: full_ms, Quality.REDUCED: reduced_ms}

    def run(self, seconds, deadline_ms=DEADLINE_MS, tracks=True):
        """Return what was done for each image."""
        done = []
        for _ in range(int(seconds * 10)):
            self.now_s += 0.1
            quality = self.ladder.next(deadline_ms, tracks=tracks)
            if quality != Quality.STALE:
                self.ladder.note(self.takes[quality], deadline_ms)
            done.append(quality)
        return done


def changes(done):
    return sum(a != b for a, b in zip(done, done[1:]))  # noqa: B905 - neighbours


def test_in_time_or_without_a_deadline_everything_is_done():
    assert set(Model(90, 90).run(60)) == {Quality.FULL}
    assert set(Model(9000, 9000).run(60, deadline_ms=0.0)) == {Quality.FULL}


def test_a_few_slow_images_are_no_reason():
    model = Model(50, 50)
    for number in range(200):
        model.now_s += 0.1
        model.ladder.note(500 if number % 4 == 0 else 50, DEADLINE_MS)
    assert model.ladder.rung == Quality.FULL


def test_too_slow_for_everything_goes_to_reduced_and_stays_where_that_is_enough():
    done = Model(150, 90).run(60)
    assert done[:5] == [Quality.FULL] * 5 and set(done[10:]) == {Quality.REDUCED}


def test_out_of_reach_one_image_in_five_is_worked_on():
    done = Model(300, 200).run(60)
    last = done[-100:]
    assert last.count(Quality.REDUCED) == 100 // STALE_EVERY
    assert last.count(Quality.STALE) == 100 - 100 // STALE_EVERY


def test_without_tracks_nothing_is_stale():
    assert Quality.STALE not in Model(300, 200).run(60, tracks=False)


def test_back_to_full_when_there_is_time_again_but_not_at_once():
    model = Model(300, 200)
    model.run(30)
    model.takes = {Quality.FULL: 40, Quality.REDUCED: 30}
    done = model.run(60)
    assert done.index(Quality.FULL) >= FIRST_WAIT_S * 10 and done[-1] == Quality.FULL
    assert changes([q for q in done if q != Quality.STALE]) == 1


def test_where_reduced_is_ample_and_full_is_too_slow_it_tries_less_and_less_often():
    """The one case that could swing for ever: the wait before the next try doubles."""
    done = Model(150, 20).run(600)
    tries = changes(done) / 2
    assert 3 <= tries <= 4 + 600 / LONGEST_WAIT_S
    assert done.count(Quality.FULL) < 0.05 * len(done)


@pytest.mark.parametrize("reduced_ms", [20, 200])
def test_a_deadline_that_is_taken_away_ends_it_at_once(reduced_ms):
    model = Model(300, reduced_ms)
    model.run(20)
    assert model.run(1, deadline_ms=0.0) == [Quality.FULL] * 10


def test_another_deadline_begins_with_everything():
    """Who raises it, as the diagnostics say, sees full graphs at once; lowered it is kept again."""
    model = Model(300, 200)
    assert model.run(300)[-1] != Quality.FULL
    assert set(model.run(5, deadline_ms=1000.0)) == {Quality.FULL}
    assert model.run(30)[0] == Quality.FULL and model.ladder.rung == Quality.STALE
