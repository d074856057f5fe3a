# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A cache is never worse than none: what is wrong with it is said once and used never."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from stored_network import NETWORK, PURPOSE

from psg_ros import files
from psg_ros.robot.runtime import compiled_cache
from psg_ros.robot.runtime.compiled_cache import cache_folder, load, store

pytestmark = pytest.mark.usefixtures("own_home")

# --- what lies in it -----------------------------------------------------------------------------


def overwrite(offset: int, content: bytes):
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
            file.write(content)

    return damage


@pytest.mark.parametrize(
    ("damage", "is_said"),
    [
        (overwrite(64 + 4096, bytes(4096)), True),
        (overwrite(-1, b"x"), True),
        (overwrite(64, b"x"), True),
        (overwrite(40, b"x"), True),
        (lambda path: os.truncate(path, len(NETWORK) // 2), True),
        (lambda path: os.truncate(path, 40), True),
        (lambda path: path.open("ab").write(b"x"), True),
        (lambda path: path.write_bytes(bytes(64 + len(NETWORK))), True),
        (lambda path: path.write_bytes(b""), True),
        (lambda path: path.unlink(), False),
    ],
    ids=[
        "zeros inside", "last byte", "first byte", "digest", "half", "no digest", "longer", "zeros",
        "empty", "gone",
    ],
)  # fmt: skip
def test_a_damaged_network_is_not_read_but_replaced(
    damage, is_said: bool, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(kept)
    assert load(kept, PURPOSE) is None
    assert [f"{kept} is damaged" in text for text in caplog.messages] == [True] * is_said
    store(kept, PURPOSE, NETWORK)
    assert load(kept, PURPOSE) == NETWORK


def test_a_network_for_another_purpose_is_replaced_and_no_warning(
    kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load(kept, "the next version") is None
    store(kept, "the next version", NETWORK[::-1])
    assert load(kept, "the next version") == NETWORK[::-1]
    assert list(kept.parent.iterdir()) == [kept]
    assert not caplog.messages


def test_what_differs_is_said(kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    store(kept, "network=ab\nversion=10.3\ndevice=Orin", NETWORK)
    assert load(kept, "network=ab\nversion=10.13\ndevice=Orin\nprofile=1") is None
    (said,) = caplog.messages
    assert said == (
        f"{kept} is compiled again: version was 10.3, is 10.13; profile was not given, is 1"
    )


# --- who wrote it --------------------------------------------------------------------------------


def test_a_network_signed_with_another_key_is_not_read(
    kept: Path, own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As one that was copied from another machine, or put there by who may write but not read."""
    (own_home / "key").unlink()
    assert load(kept, PURPOSE) is None
    assert f"{kept} is damaged, of another version of psg_ros, or not written by" in caplog.text
    store(kept, PURPOSE, NETWORK)
    assert load(kept, PURPOSE) == NETWORK


def test_the_key_is_the_user_s_secret(kept: Path, own_home: Path) -> None:
    key = own_home / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(key.read_bytes()) == 32
    assert not list(own_home.glob(".key*")), "no drafts are left"


@pytest.mark.parametrize(
    "spoil",
    [lambda key: key.chmod(0o644), lambda key: key.write_bytes(b"short"), lambda key: key.unlink()],
    ids=["readable", "short", "gone"],
)
def test_a_key_that_is_no_secret_is_replaced_and_what_it_signed_is_not_read(
    spoil, kept: Path, own_home: Path
) -> None:
    before = (own_home / "key").read_bytes()
    spoil(own_home / "key")
    assert load(kept, PURPOSE) is None
    assert (own_home / "key").read_bytes() != before
    store(kept, PURPOSE, NETWORK)
    assert load(kept, PURPOSE) == NETWORK


def test_a_key_behind_a_link_is_not_used(
    kept: Path, own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aside = (own_home / "key").rename(own_home / "aside")
    (own_home / "key").symlink_to(aside)
    assert load(kept, PURPOSE) is None
    assert "compiled again" in caplog.text


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_not_a_file_is_neither_followed_nor_waited_for(
    kind: str, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aside = kept.rename(kept.with_name("aside"))
    if kind == "link":
        kept.symlink_to(aside)
    elif kind == "pipe":
        os.mkfifo(kept)
    else:
        kept.mkdir()
    assert load(kept, PURPOSE) is None
    assert str(kept) in caplog.text and "compiled again" in caplog.text
    store(kept, PURPOSE, NETWORK)
    assert load(kept, PURPOSE) == (NETWORK if kind == "link" else None), "only files are replaced"


def test_a_full_disk_is_a_warning_and_leaves_nothing(
    kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "replace", full)
    for name in ("a.blob", "b.blob"):
        store(kept.with_name(name), PURPOSE, NETWORK)
    (warning,) = caplog.messages
    assert "No space left on device" in warning and "set PSG_CACHE" in warning
    assert list(kept.parent.iterdir()) == [kept]


def test_what_a_killed_process_left_is_cleared_away(kept: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept.with_name(f".net.{ended.pid}.partial.blob").write_bytes(NETWORK[:99])
    store(kept, PURPOSE, NETWORK)
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.parametrize("mode", [0o666, 0o602])
def test_a_file_that_others_could_have_written_is_not_read_but_replaced(
    mode: int, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept.chmod(mode)
    assert load(kept, PURPOSE) is None
    (warning,) = caplog.messages
    assert f"other users may write into {kept}" in warning and "compiled again" in warning
    store(kept, PURPOSE, NETWORK)
    assert load(kept, PURPOSE) == NETWORK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_read_but_replaced(
    kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.chown(kept, 4711, 4711)
    assert load(kept, PURPOSE) is None
    assert f"{kept} belongs to another user" in caplog.text
    store(kept, PURPOSE, NETWORK)
    assert load(kept, PURPOSE) == NETWORK and kept.stat().st_uid == os.geteuid()


# --- how much of it ------------------------------------------------------------------------------


def test_over_the_limit_what_was_not_used_for_longest_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    header = compiled_cache.DIGEST_BYTES + compiled_cache.LENGTH_BYTES
    size = len(NETWORK) + len(PURPOSE) + header
    monkeypatch.setattr(compiled_cache, "LIMIT_BYTES", 3 * size)
    paths = [cache_folder(backend) / f"{backend}.blob" for backend in ("a", "b", "c", "d")]
    for age, path in enumerate(paths[:3]):
        store(path, PURPOSE, NETWORK)
        os.utime(path, (1000 + age, 1000 + age))
    assert load(paths[0], PURPOSE) == NETWORK, "used, and by that the newest"
    store(paths[3], PURPOSE, NETWORK)
    assert [path.exists() for path in paths] == [True, False, True, True]


def test_one_network_larger_than_the_limit_is_kept_alone(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "LIMIT_BYTES", 10)
    other = cache_folder("other") / "large.blob"
    store(other, PURPOSE, NETWORK)
    assert load(other, PURPOSE) == NETWORK and not kept.exists()


def test_only_networks_are_cleared_away(
    kept: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "LIMIT_BYTES", 10)
    others = [own_home / "notes.blob", kept.with_name("notes.txt"), kept.with_name("link.blob")]
    for other in others[:2]:
        other.write_text("not ours")
    others[2].symlink_to(others[0])
    store(kept, PURPOSE, NETWORK)
    assert all(other.exists() for other in others)
