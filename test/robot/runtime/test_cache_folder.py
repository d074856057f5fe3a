# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the cache of compiled networks lies: in a folder that is the user's alone, or nowhere."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest
from stored_network import NETWORK, PURPOSE

from psg_ros.robot.runtime.compiled_cache import cache_folder, store

pytestmark = pytest.mark.usefixtures("own_home")


def test_folders_and_files_are_the_user_s_alone(kept: Path, own_home: Path) -> None:
    assert kept.parent == own_home / "openvino"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (own_home, kept.parent, kept)]
    assert modes == [0o700, 0o700, 0o600]
    assert list(kept.parent.iterdir()) == [kept]


def test_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = cache_folder("openvino")
        store(folder / "net.blob", PURPOSE, NETWORK)
    finally:
        os.umask(before)
    assert cache_folder("openvino") == folder
    assert not (folder / "net.blob").stat().st_mode & 0o077


def test_without_psg_cache_it_lies_where_caches_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PSG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder("openvino") == tmp_path / "xdg" / "psg_ros" / "openvino"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder("openvino") == tmp_path / "home" / ".cache" / "psg_ros" / "openvino"


def test_a_linked_dot_cache_is_an_ordinary_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large_disk").mkdir()
    (tmp_path / ".cache").symlink_to(tmp_path / "large_disk")
    monkeypatch.delenv("PSG_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder("openvino").is_dir()


def test_a_user_without_home_and_entry_has_no_cache(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_entry(uid: int) -> None:
        raise KeyError(uid)

    for name in ("PSG_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    assert cache_folder("openvino") is None
    assert "set PSG_CACHE to a folder of your own" in caplog.text


def of_another_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)


def inner_folder_of_another_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    (home / "openvino").mkdir(parents=True)
    os.chown(home / "openvino", 4711, 4711)


def open_to_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    home.chmod(0o777)


def open_like_tmp(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    home.chmod(0o1777)


def inner_folder_open_to_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "openvino").mkdir(parents=True)
    (home / "openvino").chmod(0o777)


def open_to_a_foreign_group(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    home.chmod(0o770)
    monkeypatch.setattr(os, "getegid", lambda: home.stat().st_gid + 1)


def a_link(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.with_name("elsewhere").mkdir()
    home.symlink_to(home.with_name("elsewhere"))


def a_link_inside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(mode=0o700)
    home.with_name("elsewhere").mkdir()
    (home / "openvino").symlink_to(home.with_name("elsewhere"))


def a_link_to_nowhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.symlink_to(home.with_name("nowhere"))


def a_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write_text("", encoding="utf-8")


def below_a_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.with_name("file").write_text("")
    monkeypatch.setenv("PSG_CACHE", str(home.with_name("file") / "cache"))


def a_name_too_long(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSG_CACHE", str(home / ("x" * 5000)))


def where_nobody_may_write(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSG_CACHE", "/proc/cache")


@pytest.mark.parametrize(
    "spoil",
    [
        of_another_user, inner_folder_of_another_user, open_to_all, open_like_tmp,
        inner_folder_open_to_all, open_to_a_foreign_group, a_link, a_link_inside,
        a_link_to_nowhere, a_file, below_a_file, a_name_too_long, where_nobody_may_write,
    ],
)  # fmt: skip
def test_a_folder_that_is_not_safe_is_named_once_and_not_used(
    spoil, own_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(own_home, monkeypatch)
    assert [cache_folder("openvino") for _ in range(3)] == [None] * 3
    (warning,) = caplog.messages
    assert str(Path(os.environ["PSG_CACHE"]).parent) in warning
    assert warning.endswith("compiled again at every start; set PSG_CACHE to a folder of your own")


def test_the_user_s_own_group_is_no_stranger(own_home: Path) -> None:
    own_home.mkdir()
    own_home.chmod(0o775)  # what mkdir gives on Ubuntu
    assert cache_folder("openvino") is not None
