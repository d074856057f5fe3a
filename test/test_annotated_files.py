# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drawings go where their source's kind wants them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psg_ros.annotated_files import open_annotated, write_image
from psg_ros.media import Frame, Media, open_media, read_image

IMAGE = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


def media(kind: str, rate_hz: float = 0.0) -> Media:
    return Media(kind, "source", 3, rate_hz, lambda: iter(()))


def frame(name: str = "in/a.jpg") -> Frame:
    return Frame(IMAGE, 0, 0.0, name)


def test_an_image_is_written_without_loss(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", IMAGE)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), IMAGE)
    with pytest.raises(ValueError, match="no image format"):
        write_image(tmp_path / "a.abc", IMAGE)


def test_a_folder_gets_a_file_a_picture(tmp_path: Path) -> None:
    with open_annotated(tmp_path / "new" / "out", media("folder")) as output:
        output.write(frame("in/a.jpg"), IMAGE)
        output.write(frame("in/a.png"), IMAGE)
    assert sorted(p.name for p in (tmp_path / "new" / "out").iterdir()) == [
        "a.jpg.png",
        "a.png.png",
    ]


def test_a_video_keeps_its_duration_when_frames_are_left_out(tmp_path: Path) -> None:
    with open_annotated(tmp_path / "a.mp4", media("video", 12.0), every=4) as output:
        output.write(frame(), IMAGE)
        assert not (tmp_path / "a.mp4").exists()
    assert open_media(tmp_path / "a.mp4").rate_hz == pytest.approx(3)


def test_a_video_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        open_annotated(tmp_path / "a.mp4", media("video", 12.0)) as output,
    ):
        output.write(frame(), IMAGE)
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    source = Media("image", str(tmp_path / "a.png"), 1, 0.0, lambda: iter(()))
    with pytest.raises(ValueError, match="is the input"):
        open_annotated(tmp_path / "." / "a.png", source)
