# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files: reading with times, writing, damage."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.media import VideoWriter, fit_into, open_media


def moving_box(index: int) -> np.ndarray:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, index : index + 20] = (200, 30, 30)
    return image


def write_video(path: Path, num_frames: int = 30) -> Path:
    with VideoWriter(path, (64, 48), 15.0) as writer:
        for index in range(num_frames):
            writer.write(moving_box(index))
    return path


def test_what_is_written_is_read_back_with_its_times(tmp_path: Path) -> None:
    media = open_media(write_video(tmp_path / "v.mp4"))
    frames = list(media.frames())
    assert (media.kind, media.num_frames, len(frames)) == ("video", 30, 30)
    assert media.rate_hz == pytest.approx(15)
    assert [f.index for f in frames[:3]] == [0, 1, 2]
    assert frames[15].time_s == pytest.approx(1.0)
    assert np.abs(frames[7].image_rgb.astype(int) - moving_box(7)).mean() < 10


def test_every_pass_starts_from_the_first_frame(tmp_path: Path) -> None:
    media = open_media(write_video(tmp_path / "v.mp4", 5))
    first, again = next(media.frames()), next(media.frames())
    np.testing.assert_array_equal(first.image_rgb, again.image_rgb)


def test_a_video_cut_off_before_its_index_is_refused_at_once(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="cut.mp4 cannot be opened"):
        open_media(path)


def test_a_video_with_missing_frames_says_how_many_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (64, 48))
    for index in range(40):
        writer.write(moving_box(index))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = open_media(path).frames()
    with pytest.raises(ValueError, match=r"cut.avi is damaged: \d+ of 40 frames"):
        list(frames)


def test_a_file_that_is_nothing_known_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match="a.xyz"):
        open_media(tmp_path / "a.xyz")


def test_a_missing_device_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="/dev/video97"):
        open_media("/dev/video97")


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot write the video"):
        VideoWriter(tmp_path / "absent" / "v.mp4", (64, 48), 10.0)


def test_odd_sizes_and_pictures_of_other_sizes_fit(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", (63, 47), 10.0) as writer:
        writer.write(moving_box(0))
        writer.write(np.full((100, 10, 3), 255, np.uint8))
    frames = [frame.image_rgb for frame in open_media(tmp_path / "v.mp4").frames()]
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 2


def test_fitting_keeps_proportions_and_centres() -> None:
    fitted = fit_into(np.full((10, 10, 3), 255, np.uint8), (40, 20))
    assert fitted.shape == (20, 40, 3)
    assert (fitted[:, 10:30] == 255).all()
    assert (fitted[:, :10] == 0).all() and (fitted[:, 30:] == 0).all()
