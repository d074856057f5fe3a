# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fields that carry their range: what is outside is refused, what is on the limit is not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from psg_ros.setting_fields import check_ranges, checked


@dataclass(frozen=True)
class Ranged:
    count: int = checked(1, minimum=1)
    rate: float = checked(0.5, above=0)
    decay: float = checked(0.9, minimum=0, below=1)
    factor: float = checked(1.0, above=0, maximum=1)
    share: float = checked(0.5, minimum=0, maximum=1)
    kind: str = checked("a", choices=("a", "b"))
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_ranges(self)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "count must be 1 or more, not 0"),
        ({"rate": 0}, "rate must be above 0, not 0"),
        ({"decay": 1}, "decay must lie in 0 .. 1 (exclusive), not 1"),
        ({"factor": 0}, "factor must lie above 0 and up to 1, not 0"),
        ({"factor": 1.5}, "factor must lie above 0 and up to 1, not 1.5"),
        ({"share": 1.01}, "share must lie in 0 .. 1, not 1.01"),
        ({"share": float("nan")}, "share must lie in 0 .. 1, not nan"),
        ({"rate": float("nan")}, "rate must be above 0, not nan"),
        ({"kind": "c"}, "kind must be one of a, b, not 'c'"),
        ({"names": "cup"}, "names must be a list, not the text 'cup'"),
    ],
)
def test_a_value_outside_the_range_of_its_field_is_refused(changes, message):
    with pytest.raises(ValueError) as refusal:
        Ranged(**changes)
    assert str(refusal.value) == message


def test_limits_that_are_allowed_themselves_are_accepted():
    Ranged(count=1, decay=0, factor=1, share=1)
    Ranged(share=0)
