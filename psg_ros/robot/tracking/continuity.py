# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether an image goes on from the last one of its stream."""

from __future__ import annotations

import math
from dataclasses import dataclass

from psg_ros.frame import Frame

NS_PER_S = 1_000_000_000
# What an image counts for where stamps stand still, as of a camera that does not stamp: the period
# of most cameras.
_ASSUMED_PERIOD_NS = NS_PER_S // 30


@dataclass(frozen=True)
class LastImage:
    """What has to be remembered of an image to tell whether the next one follows on it."""

    stamp_ns: int
    frame_id: str
    image_hw: tuple[int, int]


def remember(frame: Frame) -> LastImage:
    """Return what the next image is compared with.

    Raises:
        ValueError: a frame without a stamp.
    """
    if frame.stamp_ns is None:
        raise ValueError("a frame without a stamp continues no stream: it cannot be tracked")
    return LastImage(frame.stamp_ns, frame.frame_id, frame.image_hw)


def follows(image: LastImage, last: LastImage, max_gap_s: float) -> bool:
    """Say whether an image may show what the last one showed, as far as its header tells.

    Equal stamps do: of a camera that does not stamp, all are zero.

    Args:
        max_gap_s: most seconds between the stamps; 0: any number.
    """
    same_view = (image.frame_id, image.image_hw) == (last.frame_id, last.image_hw)
    limit_ns = max_gap_s * NS_PER_S or math.inf
    return same_view and 0 <= image.stamp_ns - last.stamp_ns <= limit_ns


def time_between_ns(image: LastImage, last: LastImage) -> int:
    """Return the nanoseconds from the last image to one that follows on it; always above 0."""
    return image.stamp_ns - last.stamp_ns or _ASSUMED_PERIOD_NS
