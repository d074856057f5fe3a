# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A film keeps the time of its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psg_ros.demo.film import Film
from psg_ros.media import open_media


def grey(value: int, shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*shape, 3), value, np.uint8)


def brightness(path: Path) -> list[int]:
    return [int(frame.image_rgb.mean().round()) for frame in open_media(path).frames()]


def test_pictures_at_the_rate_of_the_film_appear_once_each(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.mp4", 10.0)
    for index in range(5):
        film.add(grey(40 * index), 100.0 + 0.1 * index + 0.004 * (index % 2))
    assert film.close() == 5
    assert brightness(tmp_path / "a.mp4") == pytest.approx([0, 40, 80, 120, 160], abs=6)


def test_a_gap_repeats_the_last_picture(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.mp4", 10.0)
    film.add(grey(0), 0.0)
    film.add(grey(200), 0.4)
    assert film.close() == 5
    assert brightness(tmp_path / "a.mp4") == pytest.approx([0, 0, 0, 0, 200], abs=6)


def test_pictures_faster_than_the_film_do_not_stretch_it(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.mp4", 10.0)
    for index in range(101):
        film.add(grey(100), index * 0.01)
    assert film.close() == 11


def test_another_size_is_fitted_into_the_first(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.mp4", 10.0)
    film.add(grey(255), 0.0)
    film.add(grey(255, (480, 64)), 0.1)
    film.close()
    shapes = {frame.image_rgb.shape for frame in open_media(tmp_path / "a.mp4").frames()}
    assert shapes == {(48, 64, 3)}


def test_without_pictures_there_is_no_file(tmp_path: Path) -> None:
    assert Film(tmp_path / "a.mp4", 10.0).close() == 0
    assert not list(tmp_path.iterdir())
