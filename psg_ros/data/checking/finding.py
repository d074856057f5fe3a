# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finding: one line of what a check says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is wrong or worth knowing.

    Attributes:
        text: one line: what, and how often.
        places: every place, for people.
        is_problem: the data set cannot be used like this; otherwise it is a warning.
    """

    text: str
    places: tuple[str, ...] = ()
    is_problem: bool = True
