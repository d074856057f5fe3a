# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the pixels of a camera look, distortion included."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from psg_ros.frame import Camera

STEEPEST = 100.0
"""No lens looks farther to the side than this, as x / z: 89.4 degrees."""


@lru_cache(maxsize=8)
def rays_of(camera: Camera) -> np.ndarray:
    """Return x / z and y / z of every pixel in the optical frame, float32 [height, width, 2].

    Not a number where the lens model leads nowhere, as at the corners of a bad calibration.
    Kept for the cameras used last: it takes longer than a frame.
    """
    height, width = camera.image_hw
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height))
    points = np.stack([columns, rows], axis=2).astype(np.float32).reshape(-1, 1, 2)
    (fx, fy), (cx, cy) = camera.focal_xy, camera.center_xy
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)
    coefficients = np.array(camera.distortion, np.float64)
    if camera.distortion_model == "equidistant" and len(coefficients):
        rays = cv2.fisheye.undistortPoints(points, matrix, coefficients)
    else:
        rays = cv2.undistortPoints(points, matrix, coefficients if len(coefficients) else None)
    rays = rays.reshape(height, width, 2)
    with np.errstate(invalid="ignore"):
        rays[~(np.abs(rays) < STEEPEST).all(axis=2)] = np.nan
    rays.setflags(write=False)
    return rays
