# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How backends use the cache: one compiles, the others restore; and machine code is kept apart."""

from __future__ import annotations

import dataclasses
import errno
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stored_network import NETWORK, PURPOSE

from psg_ros import files
from psg_ros.robot.runtime import compiled_cache
from psg_ros.robot.runtime.compiled_cache import CompiledFor, load, load_or_compile, store

pytestmark = pytest.mark.usefixtures("own_home")

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

    def _restore(self, content: memoryview) -> str:
        if "restore" in self.broken:
            raise KeyError("of the library, of any kind")
        return bytes(content).decode()

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
    compile=compile, restore=lambda b: bytes(b).decode(), serialize=lambda n: n.encode(),
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
