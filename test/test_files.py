# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files are whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from psg_ros.files import check_writable, remove_leftovers, replacing, write_text


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


@pytest.mark.parametrize("name", ["run.state", "film", "a.b.mp4"])
def test_what_killed_writers_have_left_is_removed_and_nothing_else(tmp_path: Path, name) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / ".notes.2024.txt").touch()
    with replacing(tmp_path / name) as temporary:
        temporary.touch()
        left = temporary.name.replace(str(os.getpid()), str(ended.pid))
        (tmp_path / left).touch()
        remove_leftovers(tmp_path)
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {temporary.name, ".notes.2024.txt"}, "of a process that lives; of nobody"


def test_a_process_of_another_user_lives(tmp_path: Path, monkeypatch) -> None:
    def forbidden(process: int, signal: int) -> None:
        raise PermissionError

    (tmp_path / ".run.7.partial.state").touch()
    monkeypatch.setattr(os, "kill", forbidden)
    remove_leftovers(tmp_path)
    assert (tmp_path / ".run.7.partial.state").is_file()


def test_places_that_cannot_be_written_are_refused_early(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(FileNotFoundError, match="absent"):
        write_text(tmp_path / "absent" / "a.txt", "text")
