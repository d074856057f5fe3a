# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures from wherever they lie: image file, folder, video file, video device or ROS 2 bag."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from psg_ros.media.bag import open_bag
from psg_ros.media.bag_storage import is_bag_folder
from psg_ros.media.camera import is_camera, open_camera
from psg_ros.media.folder import open_folder, open_image, shortened
from psg_ros.media.frame import Media, MediaError, MediaFrame, OnUnreadable
from psg_ros.media.kinds import HEAD_BYTES, identify
from psg_ros.media.video import open_video
from psg_ros.media.video_writer import VideoWriter, fit_into
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.picture_file import read_image

__all__ = [
    "Media",
    "MediaError",
    "MediaFrame",
    "OnUnreadable",
    "VideoWriter",
    "fit_into",
    "open_media",
    "read_image",
    "shortened",
]

_URL = re.compile(r"([a-z][a-z0-9+.-]*):/+", re.IGNORECASE)


def open_media(source: str | Path, topic: str = "", max_megapixels: int = DEFAULT_LIMIT) -> Media:
    """Return an image, folder of images, video, video device or rosbag2 as a stream of RGB frames.

    What a file is, is decided by its content, never by its name. A picture that moves (an animated
    GIF, say) is a video.

    Args:
        source: path; `~` is the home folder.
        topic: image topic, for a bag with several.
        max_megapixels: pictures above this are refused before they are decoded.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: it cannot be read as any of these; the message says what it is and what to do.
        ImportError: a bag or a video, and its extra (`bags`, `video`) is not installed.
    """
    path = _existing(source)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        if is_bag_folder(path):
            return open_bag(path, topic, max_megapixels)
        return open_folder(path, max_megapixels)
    if stat.S_ISCHR(mode) and is_camera(path):
        return open_camera(path)
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is {_SPECIAL[stat.S_IFMT(mode)]}; expected {_EXPECTED}")
    return _open_file(path, topic, max_megapixels)


_EXPECTED = "an image, a folder of images, a video, a camera or a rosbag2"
_SPECIAL = {
    stat.S_IFCHR: "a device, but no camera",
    stat.S_IFBLK: "a block device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def _existing(source: str | Path) -> Path:
    text = os.fspath(source)
    path = Path(text)
    if not os.path.lexists(path):
        path = Path(os.path.expanduser(text))
    try:
        path.stat()
    except FileNotFoundError:
        if url := _URL.match(text):
            raise ValueError(_about_url(url[1])) from None
        state = "is a link to nowhere" if path.is_symlink() else "does not exist"
        raise FileNotFoundError(f"{path} {state}; expected {_EXPECTED}") from None
    except NotADirectoryError:
        raise FileNotFoundError(f"{path} does not exist: a part of it is not a folder") from None
    except PermissionError:
        raise
    except (OSError, ValueError) as error:  # too long, links in a circle, a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{str(path)[:80]!r} is not a usable file name: {reason}") from None
    return path


def _about_url(scheme: str) -> str:
    # The address stays out of the message: it may hold a password.
    if scheme.lower() == "file":
        return "the source is a URL; give the path alone, without file://"
    return (
        f"the source is a URL ({scheme}://...); expected a file or a camera; record it first "
        "(ffmpeg -i URL -c copy recording.mkv), or publish it as a ROS topic and run the node"
    )


def _open_file(path: Path, topic: str, max_megapixels: int) -> Media:
    kind = identify(path, thoroughly=True)
    if kind is None:
        with path.open("rb") as file:
            begins = file.read(HEAD_BYTES)[:12]
        raise ValueError(
            f"{path} is not an image, video or bag that we know; it begins with {begins!r}"
        )
    if kind.family == "bag":
        return open_bag(path, topic, max_megapixels)
    if kind.family == "picture":
        return open_image(path, max_megapixels)
    if kind.family == "video":
        return open_video(path, kind, max_megapixels)
    raise ValueError(f"{path} is {kind.name}, which is not read: {kind.cure}")
