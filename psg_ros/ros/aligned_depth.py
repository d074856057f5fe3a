# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth as a frame takes it: of the image's size, without what no camera measures. No rclpy."""

from __future__ import annotations

import cv2
import numpy as np

from psg_ros.ros.camera_model import SIZE_TOLERANCE


def fitted(depth: np.ndarray, image_hw: tuple[int, int]) -> np.ndarray:
    """Return depth at the size of the image, by the nearest value: a mean over an edge is nowhere.

    Raises:
        ValueError: another shape, so it was not aligned to the image.
    """
    if depth.shape == image_hw:
        return depth
    (height, width), (wanted_height, wanted_width) = depth.shape, image_hw
    if abs((wanted_width / width) / (wanted_height / height) - 1) > SIZE_TOLERANCE:
        raise ValueError(
            f"depth of {width} x {height} px and an image of {wanted_width} x {wanted_height} px "
            "have different shapes: depth must be aligned to the image"
        )
    return cv2.resize(depth, (wanted_width, wanted_height), interpolation=cv2.INTER_NEAREST_EXACT)


def plausible(depth: np.ndarray, max_depth_m: float) -> np.ndarray:
    """Return depth without what is farther than a camera can measure.

    Args:
        depth: float32 [height, width], NaN where nothing was measured; changed in place.

    Raises:
        ValueError: that was most of it: another unit, or a limit that is too low.
    """
    measured = np.isfinite(depth)
    with np.errstate(invalid="ignore"):
        far = depth > max_depth_m
    if 2 * np.count_nonzero(far) > np.count_nonzero(measured):
        raise ValueError(
            f"most of the depth is beyond max_depth_m {max_depth_m:g} (median "
            f"{np.median(depth[measured]):.4g} m): 32FC1 must hold metres, 16UC1 millimetres"
        )
    depth[far] = np.nan
    return depth
