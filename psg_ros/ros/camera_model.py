# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/CameraInfo to our Camera, for the image that was taken with it. Imports no rclpy."""

from __future__ import annotations

from typing import Any

from psg_ros.frame import DISTORTIONS, Camera
from psg_ros.quoting import quoted

ALIASES = {"": "plumb_bob", "fisheye": "equidistant", "radtan": "plumb_bob", "none": "plumb_bob"}
"""Other names of distortion models that drivers use."""

SIZE_TOLERANCE = 0.02
"""How much the aspect ratio of a scaled image may differ from its camera's; sizes are rounded."""


def camera_of(info: Any, image_hw: tuple[int, int], *, rectified: bool = False) -> Camera:
    """Return the camera of an image that may be binned, cut out or scaled.

    Args:
        info: the CameraInfo.
        image_hw: height and width of the image, px.
        rectified: the lens is undone in the image already: P holds instead of K and D.

    Raises:
        ValueError: not calibrated, a lens that is not known, values that no camera has, or an image
            of another shape.
    """
    matrix, columns = (info.p, 4) if rectified else (info.k, 3)
    fx, cx, fy, cy = (float(matrix[i]) for i in (0, 2, columns + 1, columns + 2))
    if not fx or not fy:
        letter = "P" if rectified else "K"
        raise ValueError(f"camera_info is not calibrated ({letter}[0] is 0): calibrate the camera")
    left, top, full_hw = _region(info)
    scale_x, scale_y = image_hw[1] / full_hw[1], image_hw[0] / full_hw[0]
    if abs(scale_x / scale_y - 1) > SIZE_TOLERANCE:
        raise ValueError(
            f"camera_info is for {full_hw[1]} x {full_hw[0]} px, but the image has {image_hw[1]} x "
            f"{image_hw[0]} px, another shape: is it the camera_info of this image?"
        )
    model, distortion = ("plumb_bob", ()) if rectified else _lens(info)
    # The centre of the first pixel is 0, so that its corner at -0.5 stays where it is.
    return Camera(
        image_hw,
        (fx * scale_x, fy * scale_y),
        ((cx - left + 0.5) * scale_x - 0.5, (cy - top + 0.5) * scale_y - 0.5),
        model,
        distortion,
    )


def _region(info: Any) -> tuple[int, int, tuple[int, int]]:
    """Return the corner and the size of the part of the sensor that images show, px."""
    roi = info.roi
    if roi.width and roi.height:
        return roi.x_offset, roi.y_offset, (roi.height, roi.width)
    if not info.width or not info.height:
        raise ValueError("camera_info says 0 x 0 px: its publisher does not know its camera")
    return 0, 0, (info.height, info.width)


def _lens(info: Any) -> tuple[str, tuple[float, ...]]:
    model = ALIASES.get(info.distortion_model.lower(), info.distortion_model.lower())
    coefficients = tuple(map(float, info.d))
    if not any(coefficients):
        return "plumb_bob", ()
    if model not in DISTORTIONS:
        raise ValueError(
            f"camera_info has the distortion model {quoted(info.distortion_model)}, not one of "
            f"{', '.join(DISTORTIONS)}: rectify the images (image_proc) and set rectified_images"
        )
    if model == "plumb_bob" and len(coefficients) > max(DISTORTIONS[model]):
        model = "rational_polynomial"  # the same in OpenCV, with more coefficients
    return model, coefficients
