# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from psg_ros.files import check_writable, replacing, write_text


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_content_is_untouched_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_the_suffix(tmp_path: Path) -> None:
    with replacing(tmp_path / "film.mp4") as temporary:
        assert temporary.suffix == ".mp4"
        temporary.touch()


def test_places_that_cannot_be_written_are_refused_early(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(FileNotFoundError, match="absent"):
        write_text(tmp_path / "absent" / "a.txt", "text")
