# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever lies at a place, or does not: an answer in one line."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile_names import HOSTILE_NAMES
from video_files import encoded, steady

from psg_ros.media import open_media
from psg_ros.media.camera import VIDEO_DEVICE

VIDEO = encoded("mpeg4", "mp4", steady(3))
PICTURE = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.png does not exist"):
        open_media("nowhere.png")
    with pytest.raises(FileNotFoundError, match="/dev/video97"):
        open_media("/dev/video97")


@pytest.mark.parametrize("url", ["rtsp://me:secret@host/1", "http://host/a.mp4", "rtsp:/host/1"])
def test_a_url_is_called_one_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="is a URL .*record it first") as caught:
        open_media(url)
    assert "secret" not in str(caught.value)


def test_a_file_url_is_answered_with_its_path() -> None:
    with pytest.raises(ValueError, match="without file://"):
        open_media("file:///tmp/a.mp4")


def test_what_is_not_a_file_is_refused_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path, what in (
            (tmp_path / "pipe", "a pipe"),
            (tmp_path / "socket", "a socket"),
            (Path("/dev/null"), "a device, but no camera"),
        ):
            with pytest.raises(ValueError, match=f"is {what}; expected"):
                open_media(path)


def test_links_are_followed_and_links_to_nowhere_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(PICTURE)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "nowhere").symlink_to("b")
    (tmp_path / "ring").symlink_to("ring")
    assert open_media(tmp_path / "link").kind == "image"
    with pytest.raises(FileNotFoundError, match="link to nowhere"):
        open_media(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="not a usable file name"):
        open_media(tmp_path / "ring")


def test_a_camera_is_known_by_its_device_number_whatever_it_is_called(tmp_path: Path) -> None:
    device = tmp_path / "usb-Acme_Webcam-index0"
    try:
        os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(VIDEO_DEVICE, 250))
    except PermissionError:
        pytest.skip("only root makes devices")
    (tmp_path / "by-id").symlink_to(device)
    with pytest.raises(ValueError, match="by-id cannot be opened as a camera"):
        open_media(tmp_path / "by-id")


def test_an_empty_file_and_unknown_content_are_called_so(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "a.jpg").write_text("hello")
    with pytest.raises(ValueError, match="empty.jpg is empty"):
        open_media(tmp_path / "empty.jpg")
    with pytest.raises(ValueError, match="a.jpg is not an image, video or bag .*with b'hello'"):
        open_media(tmp_path / "a.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch(0o000)
    with pytest.raises(PermissionError, match="Permission denied"):
        open_media(tmp_path / "a")


def test_too_long_a_name_and_a_part_that_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(PICTURE)
    with pytest.raises(ValueError, match="not a usable file name: File name too long"):
        open_media("x" * 5000)
    with pytest.raises(FileNotFoundError, match="not a folder"):
        open_media(tmp_path / "a" / "b.png")


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
@pytest.mark.parametrize("content", [VIDEO, PICTURE], ids=["video", "picture"])
def test_every_name_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    media = open_media(name)
    frames = list(media.frames())
    assert len(frames) == (3 if media.kind == "video" else 1)
    assert frames[0].name == name
