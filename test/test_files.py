# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files are whole or not there."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_names import HOSTILE_NAMES

from psg_ros.files import (
    check_not_input,
    check_writable,
    name_with_suffix,
    new_folder,
    printable,
    remove_leftovers,
    replacing,
    write_text,
)


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


@pytest.mark.parametrize("make", [replacing, new_folder])
def test_a_full_disk_is_one_error_that_names_the_file(tmp_path: Path, make) -> None:
    with (
        pytest.raises(OSError, match="No space left on device: .*result") as caught,
        make(tmp_path / "result"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "result")


def test_what_an_encoder_says_on_a_full_disk_does_not_matter(tmp_path: Path, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(OSError, match="No space left"), replacing(tmp_path / "a.mp4"):
        raise RuntimeError("Error in callback")


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
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        check_writable(tmp_path / (252 * "x" + ".mp4"))


def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(ValueError, match="/dev/null is a device"):
        write_text(Path("/dev/null"), "text")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_every_name_can_be_written(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_text(Path(name), name)
    assert os.listdir(os.fsencode(tmp_path)) == [os.fsencode(name)]


def test_bytes_of_a_name_that_are_no_text_are_escaped_in_text(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", os.fsdecode(b"caf\xe9 \xc3\xa9"))
    assert (tmp_path / "a.txt").read_bytes() == b"caf\\udce9 \xc3\xa9"


def test_a_name_that_gets_too_long_is_cut_and_stays_its_own() -> None:
    assert name_with_suffix("a.jpg", ".png") == "a.jpg.png"
    long, other = 251 * "x" + ".jpg", 250 * "x" + "y.jpg"
    names = {name_with_suffix(long, ".png"), name_with_suffix(other, ".png")}
    assert len(names) == 2
    assert all(len(name) == 255 and name.endswith(".png") for name in names)
    bytewise = name_with_suffix(os.fsdecode(127 * b"\xc3\xa9"), ".png")
    assert len(os.fsencode(bytewise)) <= 255


def test_names_are_printed_in_one_line_without_commands_to_the_terminal() -> None:
    assert printable("a b\u00e9.jpg") == "a b\u00e9.jpg"
    assert printable("a\nb\x1b[2J" + os.fsdecode(b"\xff")) == r"a\nb\x1b[2J\udcff"


def test_an_output_must_not_be_the_input_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("precious")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").symlink_to("a")
    for name in "abc":
        with pytest.raises(ValueError, match="is the input"):
            check_not_input(tmp_path / name, tmp_path / "a")
    check_not_input(tmp_path / "d", tmp_path / "a")
