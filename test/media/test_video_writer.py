# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Videos that are written: their codec, their times, their sizes, their names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile_names import HOSTILE_NAMES
from video_files import av, box_at

from psg_ros.media import VideoWriter, fit_into, open_media


def test_browsers_can_play_it(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        writer.write(box_at(0), 0.0)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert "mp4" in container.format.name


def test_each_picture_keeps_its_time_and_the_last_stays_as_long_as_the_rate_says(
    tmp_path: Path,
) -> None:
    times = [0.0, 0.033, 1.5, 1.6]
    with VideoWriter(tmp_path / "v.mp4", 4.0) as writer:
        for index, time_s in enumerate(times):
            writer.write(box_at(index), time_s)
    frames = list(open_media(tmp_path / "v.mp4").frames())
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=1e-3)
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert container.duration / av.time_base == pytest.approx(1.6 + 1 / 4, abs=0.01)


def test_pictures_of_the_same_time_and_older_ones_follow_at_once(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        for index, time_s in enumerate([0.0, 0.0, 5.0, 4.0]):
            writer.write(box_at(index), time_s)
    times = [frame.time_s for frame in open_media(tmp_path / "v.mp4").frames()]
    assert times == pytest.approx([0, 0, 5, 5], abs=1e-3) and times == sorted(set(times))


def test_colours_survive(tmp_path: Path) -> None:
    image = np.full((48, 64, 3), (20, 200, 60), np.uint8)
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        writer.write(image, 0.0)
    back = next(open_media(tmp_path / "v.mp4").frames()).image
    assert np.abs(back.astype(int) - image).max() < 6


def test_odd_sizes_and_pictures_of_other_sizes_fit(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        writer.write(box_at(0, (47, 63, 3)), 0.0)
        writer.write(np.full((100, 10, 3), 255, np.uint8), 0.1)
    frames = [frame.image for frame in open_media(tmp_path / "v.mp4").frames()]
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 2


def test_the_smallest_picture_can_be_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        writer.write(np.full((1, 1, 3), 255, np.uint8), 0.0)
    assert next(open_media(tmp_path / "v.mp4").frames()).image.shape == (2, 2, 3)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        VideoWriter(tmp_path / "absent" / "v.mp4", 10.0)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_every_name_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with VideoWriter(Path(name), 10.0) as writer:
        writer.write(box_at(0), 0.0)
    assert os.listdir(os.fsencode(tmp_path)) == [os.fsencode(name)]
    assert len(list(open_media(name).frames())) == 1


def test_without_pyav_the_error_names_the_extra(tmp_path: Path, monkeypatch) -> None:
    from psg_ros.media import ffmpeg

    monkeypatch.setitem(sys.modules, "av", None)
    ffmpeg.load_av.cache_clear()
    with pytest.raises(ImportError, match=r"pip install av \(extra 'video'\)"):
        VideoWriter(tmp_path / "v.mp4", 10.0)
    assert not list(tmp_path.iterdir())


def test_fitting_keeps_proportions_and_centres() -> None:
    fitted = fit_into(np.full((10, 10, 3), 255, np.uint8), (40, 20))
    assert fitted.shape == (20, 40, 3)
    assert (fitted[:, 10:30] == 255).all()
    assert (fitted[:, :10] == 0).all() and (fitted[:, 30:] == 0).all()
