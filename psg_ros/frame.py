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
class Pose:
    """Where the camera was: maps points of its optical frame into another coordinate frame.

    Attributes:
        frame_id: the other frame; positions of nodes are given in it.
        rotation: float64 [3, 3], orthonormal.
        translation: float64 [3], the camera's place [m].

    Raises:
        ValueError: no frame, or a rotation that is none.
    """

    frame_id: str
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    translation: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def __post_init__(self) -> None:
        if not self.frame_id:
            raise ValueError("a pose must name the frame that it leads to")
        rotation, translation = np.asarray(self.rotation), np.asarray(self.translation)
        if rotation.shape != (3, 3) or translation.shape != (3,):
            raise ValueError(
                "a pose must have a rotation [3, 3] and a translation [3], not "
                f"{list(rotation.shape)} and {list(translation.shape)}"
            )
        if not np.isfinite(translation).all() or not np.allclose(
            rotation @ rotation.T, np.eye(3), atol=1e-6
        ):
            raise ValueError("a pose must be finite, and the rows of its rotation orthonormal")

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return points [point, 3] of the optical frame in the other one."""
        return points @ self.rotation.T + self.translation


@dataclass(frozen=True, eq=False)
class RawPicture:
    """An image as the camera sent it, for a device that decodes it on its own.

    Attributes:
        data: uint8, the bytes of all rows one after the other; any shape, gaps are left out.
        encoding: as in sensor_msgs/Image, by the first of its names.
        image_hw: height and width in px.
        step: bytes from one row to the next.
    """

    data: np.ndarray = field(repr=False)
    encoding: str
    image_hw: tuple[int, int]
    step: int

    @classmethod
    def of_rgb(cls, image_rgb: np.ndarray) -> RawPicture:
        """Return an RGB array uint8 [height, width, 3], which may be a window of a larger one."""
        height, width = image_rgb.shape[:2]
        return cls(image_rgb, "rgb8", (height, width), 3 * width)


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
        pose: where positions of nodes are given; None: nowhere, so there are none. For positions in
            the camera's own frame it is `Pose(frame_id)`.
        raw: the same image as the camera sent it; None where it is not at hand.
        up: direction against gravity in the camera's optical frame (x right, y down, z away), of
            any length; None where nobody knows.

    Raises:
        ValueError: an array of another dtype or shape, sizes that differ, a stamp that is no
            integer, or a direction that is none.
    """

    image: np.ndarray = field(repr=False)
    depth: np.ndarray | None = field(default=None, repr=False)
    camera: Camera | None = None
    stamp_ns: int | None = None
    frame_id: str = ""
    pose: Pose | None = None
    up: tuple[float, float, float] | None = None
    raw: RawPicture | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_image(self.image)
        if self.depth is not None:
            _check_depth(self.depth, self.image_hw)
        if self.camera is not None and self.camera.image_hw != self.image_hw:
            raise ValueError(
                f"the camera's intrinsics are for {_size(self.camera.image_hw)}, but the image has "
                f"{_size(self.image_hw)}"
            )
        if self.raw is not None and self.raw.image_hw != self.image_hw:
            raise ValueError(
                f"the camera's bytes are of {_size(self.raw.image_hw)}, but the image has "
                f"{_size(self.image_hw)}"
            )
        if not isinstance(self.stamp_ns, int | None):
            raise ValueError(
                f"stamp_ns must be an integer number of nanoseconds, not {self.stamp_ns!r}"
            )
        if self.up is not None:
            check_direction(self.up)

    @property
    def image_hw(self) -> tuple[int, int]:
        """Height and width in px."""
        height, width = self.image.shape[:2]
        return height, width

    @property
    def spatial_frame_id(self) -> str:
        """Where positions can be given; empty without depth, camera or pose."""
        if self.depth is None or self.camera is None or self.pose is None:
            return ""
        return self.pose.frame_id


def check_direction(xyz: tuple[float, ...]) -> None:
    """Raise ValueError unless `xyz` are three finite numbers that point somewhere."""
    if len(xyz) != 3 or not all(map(math.isfinite, xyz)) or not any(xyz):
        raise ValueError(f"a direction must be three finite numbers, not all 0, not {xyz}")


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
