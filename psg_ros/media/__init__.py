# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures from wherever they lie: image file, folder, video file, video device or ROS 2 bag."""

from __future__ import annotations

import re
from pathlib import Path

from psg_ros.media.bag import is_bag, open_bag
from psg_ros.media.frame import Frame, Media
from psg_ros.media.still import IMAGE_SUFFIXES, open_folder, open_image
from psg_ros.media.video import VideoWriter, fit_into, open_camera, open_video
from psg_ros.ops.picture_file import read_image

__all__ = ["Frame", "Media", "VideoWriter", "fit_into", "open_media", "read_image"]


def open_media(source: str | Path, topic: str = "") -> Media:
    """Return an image, folder of images, video, `/dev/videoN` or rosbag2 as a stream of RGB frames.

    Args:
        source: path; what it is follows from what lies there, then from the name's ending.
        topic: image topic, for a bag with several.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: it cannot be read as any of these; the message names it.
        ImportError: a bag, and the extra `bags` is not installed.
    """
    path = Path(source).expanduser()
    if re.fullmatch(r"/dev/video\d+", str(path)):
        return open_camera(str(path))
    if not path.exists():
        raise FileNotFoundError(f"no such file or folder: {path}")
    if is_bag(path):
        return open_bag(path, topic)
    if path.is_dir():
        return open_folder(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return open_image(path)
    return open_video(path)
