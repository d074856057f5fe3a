# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frame: one image on its way through a stream, with what is known of how it was taken."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

DISTORTIONS = {"plumb_bob": (0, 4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
"""Models of lens distortion, as in sensor_msgs/CameraInfo -> possible numbers of coefficients."""


@dataclass(frozen=True)
class Camera:
    """Intrinsics and distortion of a pinhole camera, as in sensor_msgs/CameraInfo.

    Attributes:
        image_hw: height and width of its images in px; the intrinsics hold for no other size.
        focal_xy: focal lengths fx and fy in px.
        center_xy: principal point cx and cy in px; 0 is the centre of the first pixel.
        distortion_model: one of `DISTORTIONS`.
        distortion: its coefficients in OpenCV's order; empty for rectified images.

    Raises:
        ValueError: values that no camera has, or as many coefficients as the model does not take.
    """

    image_hw: tuple[int, int]
    focal_xy: tuple[float, float]
    center_xy: tuple[float, float]
    distortion_model: str = "plumb_bob"
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (*self.focal_xy, *self.center_xy, *self.distortion)
        if not all(map(math.isfinite, numbers)) or min(self.focal_xy) <= 0:
            raise ValueError(
                "a camera must have finite intrinsics and focal lengths above 0, not "
                f"focal_xy {self.focal_xy}, center_xy {self.center_xy}, distortion "
                f"{self.distortion}"
            )
        if min(self.image_hw) < 1:
            raise ValueError(f"image_hw of a camera must be 1 or more, not {self.image_hw}")
        counts = DISTORTIONS.get(self.distortion_model)
        if counts is None:
            raise ValueError(
                f"distortion_model must be one of {', '.join(DISTORTIONS)}, not "
                f"{self.distortion_model!r}"
            )
        if len(self.distortion) not in counts:
            raise ValueError(
                f"{self.distortion_model} takes {' or '.join(map(str, counts))} distortion "
                f"coefficients, not {len(self.distortion)}"
            )


@dataclass(frozen=True, eq=False)
class Frame:
    """What the pipeline works on. Holds the arrays that it is given, never a copy of them.

    Attributes:
        image: uint8 [height, width, 3], RGB, at least one pixel.
        depth: float32 [height, width], distance along the optical axis [m], aligned with the image
            pixel by pixel; NaN, infinity or 0 where nothing was measured.
        camera: intrinsics for the size of the image.
        stamp_ns: when the image was taken, nanoseconds since 1970 or on whatever clock the camera
            runs. None for a picture that stands alone: it continues no stream, and its nodes have
            no tracks.
        frame_id: coordinate frame of the camera; empty where there is none.

    Raises:
        ValueError: an array of another dtype or shape, sizes that differ, or a stamp that is no
            integer.
    """

    image: np.ndarray = field(repr=False)
    depth: np.ndarray | None = field(default=None, repr=False)
    camera: Camera | None = None
    stamp_ns: int | None = None
    frame_id: str = ""

    def __post_init__(self) -> None:
        check_image(self.image)
        if self.depth is not None:
            _check_depth(self.depth, self.image_hw)
        if self.camera is not None and self.camera.image_hw != self.image_hw:
            raise ValueError(
                f"the camera's intrinsics are for {_size(self.camera.image_hw)}, but the image has "
                f"{_size(self.image_hw)}"
            )
        if not isinstance(self.stamp_ns, int | None):
            raise ValueError(
                f"stamp_ns must be an integer number of nanoseconds, not {self.stamp_ns!r}"
            )

    @property
    def image_hw(self) -> tuple[int, int]:
        """Height and width in px."""
        height, width = self.image.shape[:2]
        return height, width


def check_image(image: np.ndarray) -> None:
    """Raise ValueError unless `image` is uint8 [height, width, 3] with at least one pixel."""
    if not (_is_array(image, np.uint8, 3) and image.shape[2] == 3 and image.size):
        raise ValueError(
            "the image must be a non-empty RGB array uint8 [height, width, 3], not "
            f"{_description(image)}"
        )


def _check_depth(depth: np.ndarray, image_hw: tuple[int, int]) -> None:
    if not _is_array(depth, np.float32, 2):
        raise ValueError(
            "the depth must be in metres, float32 [height, width], not "
            f"{_description(depth)}; divide millimetres (uint16) by 1000"
        )
    if depth.shape != image_hw:
        raise ValueError(
            f"the depth must be aligned with the image: {_size(image_hw)}, not {_size(depth.shape)}"
        )


def _is_array(value: object, dtype: type, rank: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == dtype and value.ndim == rank


def _description(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return type(value).__name__


def _size(hw: tuple[int, ...]) -> str:
    return f"{hw[1]} x {hw[0]} px"
