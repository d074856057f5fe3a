# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The journal: what is there already, whatever ended the run before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psg_ros.labelling.journal import JOURNAL_FILE, Journal

RED, BLUE = np.full((2, 3, 3), 1, np.uint8), np.full((2, 3, 3), 2, np.uint8)
SETTINGS = {"teacher": {"model": "a"}, "score": 0.5}


def filled(folder: Path) -> Path:
    journal = Journal(folder, SETTINGS)
    with journal:
        for name, image, entry in (("a", RED, {"image_id": "a"}), ("b", BLUE, None)):
            journal.add(name, image, entry)
    return folder / JOURNAL_FILE


def test_what_was_noted_is_there_again(tmp_path: Path) -> None:
    filled(tmp_path / "new" / "set")
    journal = Journal(tmp_path / "new" / "set", SETTINGS)
    assert journal.entries == {"a": {"image_id": "a"}, "b": None}
    assert journal.image_id("a", RED) == ("a", True)
    assert journal.image_id("c", RED) == ("c", False)


def test_another_picture_of_the_same_name_gets_a_number(tmp_path: Path) -> None:
    filled(tmp_path)
    journal = Journal(tmp_path, SETTINGS)
    assert journal.image_id("a", BLUE) == ("a-2", False)
    with journal:
        journal.add("a-2", BLUE, None)
    assert journal.image_id("a", BLUE) == ("a-2", True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a b/c", "a_b_c"), ("..", "picture"), (".hidden", "hidden"), ("\udcff\n", "__"),
     ("caf\u00e9", "caf\u00e9"), ("x" * 300, "x" * 60)],
)  # fmt: skip
def test_ids_are_names_for_files(tmp_path: Path, name: str, expected: str) -> None:
    assert Journal(tmp_path, SETTINGS).image_id(name, RED) == (expected, False)


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_half_a_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = filled(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    journal = Journal(tmp_path, SETTINGS)
    assert list(journal.entries) == ["a"]
    with journal:
        journal.add("b", BLUE, None)
    assert path.read_bytes() == whole


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(FileExistsError, match=r"other settings \(score\)"):
        Journal(tmp_path, SETTINGS | {"score": 0.6})


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="not empty and no labelled data set"):
        Journal(tmp_path, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("content", [b"{}\n", b"x\n", b"[1]\n", b"", b'{"settings": 3}\n'])
def test_a_damaged_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL_FILE).write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        Journal(tmp_path, SETTINGS)
