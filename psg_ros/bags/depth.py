# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The depth and the camera of recorded images: what `ros.space_input` is for live ones.

Positions are in the camera's own frame; limits are the node's defaults.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

from psg_ros.frame import Frame, Pose
from psg_ros.graph_messages import NANOSECONDS, time_to_ns
from psg_ros.node_config import NodeConfig
from psg_ros.pictures.depth_image import decode_compressed_depth, decode_depth
from psg_ros.pictures.image_error import ImageError
from psg_ros.ros.aligned_depth import fitted, plausible
from psg_ros.ros.camera_model import camera_of

DEPTH_DECODERS = {
    "sensor_msgs/msg/Image": decode_depth,
    "sensor_msgs/msg/CompressedImage": decode_compressed_depth,
}
INFO_TYPE = "sensor_msgs/msg/CameraInfo"

_KEPT = 60
"""Depth messages that are kept: those that images which wait may still want (our choice)."""


class RecordedDepth:
    """Depth of one camera, in the order of the recording."""

    def __init__(self) -> None:
        self._limits = NodeConfig()
        self._recent: deque[tuple[int, str, Any]] = deque(maxlen=_KEPT)
        self._newest_ns: int | None = None
        self._info: Any = None

    def take_depth(self, message: Any, kind: str) -> None:
        """Take a depth image, not decoded yet."""
        self._newest_ns = time_to_ns(message.header.stamp)
        self._recent.append((self._newest_ns, kind, message))

    def take_info(self, message: Any) -> None:
        """Take a CameraInfo."""
        self._info = message

    def is_settled(self, stamp_ns: int) -> bool:
        """Whether all that belongs to an image has come: nothing nearer follows a later stamp."""
        return (
            self._info is not None and self._newest_ns is not None and self._newest_ns >= stamp_ns
        )

    def completed(self, frame: Frame) -> Frame:
        """Return the frame with depth, camera and pose.

        Raises:
            ValueError: something is missing or does not fit; says what.
        """
        try:
            kind, message = self._nearest(frame.stamp_ns or 0)
            for part in (message, self._info):
                _check_frame(part.header.frame_id, frame)
            depth = DEPTH_DECODERS[kind](message, self._limits.max_megapixels)
            return dataclasses.replace(
                frame,
                depth=plausible(fitted(depth, frame.image_hw), self._limits.max_depth_m),
                camera=camera_of(self._info, frame.image_hw),
                pose=Pose(frame.frame_id),
            )
        except ImageError as error:
            raise ValueError(str(error)) from error

    def _nearest(self, stamp_ns: int) -> tuple[str, Any]:
        if self._info is None:
            raise ValueError("no camera_info came")
        if not self._recent:
            raise ValueError("no depth came")
        nearest_ns, kind, message = min(self._recent, key=lambda entry: abs(entry[0] - stamp_ns))
        apart_s = abs(nearest_ns - stamp_ns) / NANOSECONDS
        if apart_s > self._limits.depth_slop_s:
            raise ValueError(f"the nearest depth is {apart_s:.3f} s away")
        return kind, message


def info_topic(image_topic: str) -> str:
    """Return where a camera's CameraInfo lies: beside its images."""
    place = image_topic.removesuffix("/compressed").rpartition("/")[0]
    return f"{place}/camera_info"


def _check_frame(frame_id: str, frame: Frame) -> None:
    if not frame.frame_id:
        raise ValueError("the image names no frame (header.frame_id is empty)")
    if frame_id and frame_id.lstrip("/") != frame.frame_id.lstrip("/"):
        raise ValueError(
            f"depth or camera_info is of frame {frame_id}, the image of {frame.frame_id}: take the "
            "depth that is aligned to the image"
        )
