# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a device is told so that masks compete there as `ops.panoptic.contest` has them compete."""

from __future__ import annotations

from psg_ros.robot.forms.form import MergeSettings
from psg_ros.robot.ops.enlarge import contest_hw
from psg_ros.robot.ops.image import Placement
from psg_ros.robot.runtime.device_steps import Contest


def device_contest(placement: Placement, settings: MergeSettings, stride: int) -> Contest:
    """Return the contest of one image.

    Args:
        stride: network-input px per cell of the masks.
    """
    return Contest(
        settings.score_threshold,
        contest_hw(placement, stride, settings.resolution),
        placement.content_hw,
        0 if settings.resolution == "mask" else stride,
    )
