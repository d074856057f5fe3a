# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drawings go where their source's kind wants them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hostile_names import HOSTILE_NAMES

from psg_ros.drawing.annotated_files import open_annotated, write_image
from psg_ros.media import Media, MediaFrame, open_media, read_image

IMAGE = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


def media(kind: str, rate_hz: float = 0.0) -> Media:
    return Media(kind, "source", 3, rate_hz, lambda _: iter(()))


def frame(name: str = "in/a.jpg", time_s: float = 0.0) -> MediaFrame:
    return MediaFrame(IMAGE, index=0, time_s=time_s, name=name)


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


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.mp4"])
def test_drawings_of_a_folder_do_not_go_into_a_folder_named_like_a_file(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ValueError, match=f"{name} names a file; the drawings of a folder need a"):
        open_annotated(tmp_path / name, media("folder"))


def test_a_video_keeps_its_times_when_frames_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("av")
    with open_annotated(tmp_path / "a.mp4", media("video", 12.0), every=4) as output:
        for time_s in (0.0, 1 / 3, 2.0):
            output.write(frame("a", time_s), IMAGE)
        assert not (tmp_path / "a.mp4").exists()
    film = open_media(tmp_path / "a.mp4")
    assert [f.time_s for f in film.frames()] == pytest.approx([0, 1 / 3, 2], abs=1e-3)
    assert film.num_frames / film.rate_hz == pytest.approx(2 + 1 / 3, abs=0.01)


def test_a_video_that_failed_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("av")
    with (
        pytest.raises(RuntimeError),
        open_annotated(tmp_path / "a.mp4", media("video", 12.0)) as output,
    ):
        output.write(frame(), IMAGE)
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_drawings_of_a_folder_are_named_like_their_sources(tmp_path: Path, name: str) -> None:
    with open_annotated(tmp_path, media("folder")) as output:
        output.write(frame(f"in/{name}"), IMAGE)
    (written,) = tmp_path.iterdir()
    assert written.name.startswith(name[:200]) and written.suffix == ".png"
    np.testing.assert_array_equal(read_image(written), IMAGE)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_drawing_can_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name[:251]}.png"
    with open_annotated(path, media("image")) as output:
        output.write(frame(), IMAGE)
    np.testing.assert_array_equal(read_image(path), IMAGE)


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    source = Media("image", str(tmp_path / "a.png"), 1, 0.0, lambda _: iter(()))
    with pytest.raises(ValueError, match="is the input"):
        open_annotated(tmp_path / "." / "a.png", source)
