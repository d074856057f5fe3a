# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Steadiness of identities, on clips that can be counted by hand."""

from __future__ import annotations

import pytest

from psg_ros.evaluation.metrics.steadiness import (
    Sightings,
    Steadiness,
    measure_steadiness,
    onset_delays,
)


def clip(*images: dict[str, int], extra=()) -> list[Sightings]:
    """Return images of true things a and b, each with the id it is found by, 0 where it is not."""
    return [
        Sightings(
            frozenset(image),
            frozenset(id_ for id_ in (*image.values(), *extra) if id_),
            {thing: id_ for thing, id_ in image.items() if id_},
        )
        for image in images
    ]


def test_the_truth_itself_is_perfect():
    found = measure_steadiness(clip(*[{"a": 1, "b": 2}] * 5))
    assert (found.idf1, found.hota, found.switches) == (1, 1, 0)
    assert (found.truth_keys, found.predicted_keys, found.steps) == (2, 2, 4)
    assert found.truth_changes == found.predicted_changes == 0


def test_a_switch_is_counted_when_a_thing_is_found_again_by_another_id():
    found = measure_steadiness(clip({"a": 1}, {"a": 0}, {"a": 2}, {"a": 2}, {"a": 1}))
    assert found.switches == 2
    assert found.predicted_keys == 2
    assert found.predicted_changes == 4  # 1 goes, 2 comes, 2 goes and 1 comes


def test_things_that_swap_their_ids_are_two_switches():
    assert measure_steadiness(clip({"a": 1, "b": 2}, {"a": 2, "b": 1})).switches == 2


def test_idf1_pairs_each_thing_with_one_id():
    found = measure_steadiness(clip({"a": 1}, {"a": 1}, {"a": 1}, {"a": 2}))
    assert found.identity_matched == 3
    assert found.idf1 == pytest.approx(2 * 3 / (4 + 4))


def test_hota_is_the_mean_of_detection_and_association():
    found = measure_steadiness(clip({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}))
    assert found.hota == pytest.approx((1 * 0.5) ** 0.5)
    missed = measure_steadiness(clip({"a": 1}, {"a": 0}))
    assert missed.hota == pytest.approx((0.5 * 0.5) ** 0.5)


def test_what_is_not_there_costs_precision():
    found = measure_steadiness(clip({"a": 1}, {"a": 1}, extra=(9,)))
    assert (found.truth, found.predicted, found.matched) == (2, 4, 2)
    assert found.idf1 == pytest.approx(2 * 2 / 6)


def test_clips_are_added():
    one, two = measure_steadiness(clip({"a": 1}, {"a": 2})), measure_steadiness(clip({"a": 1}))
    both = one + two
    assert (both.truth, both.switches, both.predicted_keys) == (3, 1, 3)
    assert Steadiness() + one == one


def test_without_images_there_is_nothing_to_count():
    assert measure_steadiness([]) == Steadiness()
    assert (Steadiness().idf1, Steadiness().hota) == (0, 0)


def test_a_delay_is_how_much_later_a_thing_is_found():
    early = clip({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1, "b": 2})
    late = clip({"a": 0, "b": 2}, {"a": 0, "b": 2}, {"a": 5, "b": 2})
    assert sorted(onset_delays(late, early)) == [0, 2]
    assert onset_delays(clip({"a": 0}), clip({"a": 1})) == []
