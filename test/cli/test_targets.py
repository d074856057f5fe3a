# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Folders to be written are refused before the work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from psg_ros.cli.targets import check_folder


def test_a_folder_that_is_there_or_can_be_made_is_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, tmp_path / "a" / "b", Path("a"), Path("a/b"), Path(".")):
        check_folder(folder)
    assert not list(tmp_path.iterdir()), "only looked at"


@pytest.mark.parametrize("name", ["file", "file/folder", "file/folder/deeper"])
def test_a_file_in_the_way_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file is a file; expected a folder"):
        check_folder(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_without_permission_is_refused(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="no permission to write into .*closed"):
        check_folder(tmp_path / "closed" / "new")
