# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A cache is never worse than none: what is wrong with it is said once and used never."""

from __future__ import annotations

import dataclasses
import errno
import os
import pwd
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from psg_ros import files
from psg_ros.robot.runtime import compiled_cache
from psg_ros.robot.runtime.compiled_cache import (
    CompiledFor,
    cache_folder,
    load,
    load_or_compile,
    store,
)

NETWORK = bytes(range(256)) * 64
PURPOSE = "this version, this processor, this model"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$PSG_CACHE, not made yet; and every warning is new."""
    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))
    compiled_cache._warn.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def kept(own_home: Path) -> Path:
    """A network that an earlier start stored."""
    path = cache_folder("openvino") / "net.blob"
    store(path, PURPOSE, NETWORK)
    assert load(path, PURPOSE) == NETWORK
    return path


# --- where it lies -------------------------------------------------------------------------------


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
    home.write_text("")


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


# --- how backends use it -------------------------------------------------------------------------

WANTED = CompiledFor("ab" * 32, "toy", "1.0", "a processor", "fp32", {"threads": 2})


class Compiler:
    """Compiles to upper case, counts how often, and fails where it is told to."""

    def __init__(self) -> None:
        self.compiled, self.broken = 0, ()

    def network(self, wanted: CompiledFor = WANTED) -> str:
        return load_or_compile(
            wanted, compile=self._compile, restore=self._restore, serialize=self._serialize
        )

    def _compile(self) -> str:
        self.compiled += 1
        return "NETWORK"

    def _restore(self, content: bytes) -> str:
        if "restore" in self.broken:
            raise KeyError("of the library, of any kind")
        return content.decode()

    def _serialize(self, network: str) -> bytes:
        if "serialize" in self.broken:
            raise NotImplementedError("this device cannot")
        return network.encode()


def test_the_second_start_restores_what_the_first_compiled() -> None:
    compiler = Compiler()
    assert [compiler.network() for _ in range(3)] == ["NETWORK"] * 3
    assert compiler.compiled == 1


@pytest.mark.parametrize(
    ("change", "networks"),
    [
        ({"artifact_sha256": "cd" * 32}, 2),
        ({"backend": "other"}, 2),
        ({"device": "another processor"}, 2),
        ({"precision": "bf16"}, 2),
        ({"options": {"threads": 3}}, 2),
        ({"options": {}}, 2),
        ({"version": "1.1"}, 1),
    ],
)
def test_whatever_differs_is_compiled_and_a_new_version_takes_the_old_one_s_place(
    change: dict, networks: int, own_home: Path
) -> None:
    compiler = Compiler()
    compiler.network()
    compiler.network(dataclasses.replace(WANTED, **change))
    assert compiler.compiled == 2
    assert len(list(own_home.glob("*/*.blob"))) == networks


@pytest.mark.parametrize("broken", ["restore", "serialize"])
def test_a_library_that_cannot_read_or_write_it_costs_time_alone(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = Compiler()
    if broken == "restore":
        compiler.network()
    compiler.broken = (broken,)
    assert [compiler.network() for _ in range(2)] == ["NETWORK"] * 2
    assert compiler.compiled == 2 + (broken == "restore")
    assert ("cannot be used" if broken == "restore" else "cannot be kept") in caplog.text


def test_what_compiling_raises_is_passed_on(own_home: Path) -> None:
    compiler = Compiler()
    compiler._compile = lambda: (_ for _ in ()).throw(ValueError("no ONNX model"))
    with pytest.raises(ValueError, match="no ONNX model"):
        compiler.network()
    assert not list(own_home.glob("*/*"))


def test_without_a_folder_every_start_compiles(own_home: Path) -> None:
    own_home.mkdir()
    own_home.chmod(0o777)
    compiler = Compiler()
    assert [compiler.network() for _ in range(2)] == ["NETWORK"] * 2
    assert compiler.compiled == 2


# --- machine code --------------------------------------------------------------------------------

NATIVE = dataclasses.replace(WANTED, backend="native", is_native=True)


@pytest.mark.parametrize("mode", [0o770, 0o775, 0o707, 0o777])
@pytest.mark.parametrize("inside", [False, True])
def test_no_group_may_write_where_machine_code_lies(
    mode: int, inside: bool, own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = own_home / "native" if inside else own_home
    folder.mkdir(parents=True)
    folder.chmod(mode)
    compiler = Compiler()
    assert [compiler.network(NATIVE) for _ in range(2)] == ["NETWORK"] * 2
    assert compiler.compiled == 2, "neither loaded nor kept"
    assert f"other users may write into {folder} (chmod go-w cures it)" in caplog.text
    assert not list(own_home.glob("*/*.blob"))


def test_a_file_of_machine_code_that_the_own_group_could_have_written_is_not_read(
    own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = Compiler()
    compiler.network(NATIVE)
    (path,) = own_home.glob("native/*.blob")
    path.chmod(0o660)
    compiler.network(NATIVE)
    assert compiler.compiled == 2 and "other users may write into" in caplog.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# --- several processes ---------------------------------------------------------------------------

COMPILE = """
import sys, time
from pathlib import Path
from psg_ros.robot.runtime.compiled_cache import CompiledFor, load_or_compile

def compile():
    with open(sys.argv[1], "a") as log:
        log.write("compiled\\n")
    time.sleep(float(sys.argv[2]))
    return "NETWORK"

print(load_or_compile(
    CompiledFor("ab" * 32, "native", "1.0", "a processor", "fp32", is_native=True),
    compile=compile, restore=lambda b: b.decode(), serialize=lambda n: n.encode(),
))
"""


def compile_elsewhere(log: Path, seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", COMPILE, str(log), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for(log: Path) -> None:
    end = time.monotonic() + 60
    while not log.exists():
        assert time.monotonic() < end, "nobody compiles"
        time.sleep(0.05)


def test_of_two_processes_at_once_one_compiles(tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [compile_elsewhere(log, 2.0) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["NETWORK\n"] * 2
    assert log.read_text() == "compiled\n"


def test_one_killed_while_it_compiles_leaves_the_way_free(tmp_path: Path, own_home: Path) -> None:
    log = tmp_path / "log"
    killed = compile_elsewhere(log, 600.0)
    wait_for(log)
    killed.kill()
    killed.communicate()
    log.unlink()
    assert compile_elsewhere(log, 0.0).communicate(timeout=60)[0] == "NETWORK\n"
    assert len(list(own_home.glob("native/*.blob"))) == 1 and log.exists()


def test_one_killed_while_it_writes_leaves_the_older_network(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(compiled_cache.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        store(kept, PURPOSE, NETWORK[::-1])
    assert load(kept, PURPOSE) == NETWORK


def test_a_read_only_folder_still_gives_what_it_holds(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = Compiler()
    compiler.network()

    def read_only(path: Path) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(files, "check_writable", read_only)
    assert compiler.network() == "NETWORK" and compiler.compiled == 1
    other = dataclasses.replace(WANTED, precision="bf16")
    assert [compiler.network(other) for _ in range(2)] == ["NETWORK"] * 2
    assert compiler.compiled == 3
    (warning,) = caplog.messages
    assert "Read-only file system" in warning and "set PSG_CACHE" in warning
