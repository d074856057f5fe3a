# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Children end when asked, when not asked nicely, and when their parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from psg_ros.ros.demo.child import Child, stop_together

ROOT = Path(__file__).parents[3]


def start(tmp_path: Path, code: str) -> Child:
    return Child("trial", [sys.executable, "-c", code], os.environ, tmp_path / "trial.log")


def wait_for(what, seconds: float = 60.0) -> bool:
    end_s = time.monotonic() + seconds
    while not what() and time.monotonic() < end_s:
        time.sleep(0.02)
    return bool(what())


def test_output_and_errors_go_to_the_log(tmp_path: Path) -> None:
    child = start(tmp_path, "import sys; print('out', flush=True); sys.exit('the reason')")
    assert child.wait(10) == 1
    assert child.last_words() == "the reason"
    assert "out" in child.log.read_text()


def test_last_words_come_without_what_ros_puts_before_them(tmp_path: Path) -> None:
    child = start(
        tmp_path, "print('[ERROR] [1795270626.40] [ns.node]: configure failed: no model\\n')"
    )
    child.wait(10)
    assert child.last_words() == "configure failed: no model"


def test_a_silent_child_has_a_text_too(tmp_path: Path) -> None:
    child = start(tmp_path, "")
    child.wait(10)
    assert child.last_words() == "it printed nothing"


def test_a_friendly_child_ends_by_itself_when_asked(tmp_path: Path) -> None:
    code = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
print('ready', flush=True)
time.sleep(60)
"""
    child = start(tmp_path, code)
    assert wait_for(lambda: "ready" in child.log.read_text())
    assert child.status is None
    assert child.stop(10) == 0


def test_a_stubborn_child_is_killed(tmp_path: Path) -> None:
    code = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print('ready', flush=True)
time.sleep(60)
"""
    child = start(tmp_path, code)
    assert wait_for(lambda: "ready" in child.log.read_text())
    assert child.stop(0.2) == -signal.SIGKILL


def test_all_are_asked_before_any_is_waited_for(tmp_path: Path) -> None:
    """Each of them ends only when all have been asked."""
    code = """
import signal, sys, time
from pathlib import Path

def end(*_):
    Path(sys.argv[1]).touch()
    while len(list(Path(sys.argv[1]).parent.iterdir())) < 3:
        time.sleep(0.02)
    sys.exit(0)

signal.signal(signal.SIGINT, end)
print('ready', flush=True)
time.sleep(60)
"""
    asked = tmp_path / "asked"
    asked.mkdir()
    children = [
        Child(
            str(i),
            [sys.executable, "-c", code, str(asked / str(i))],
            os.environ,
            tmp_path / f"{i}.log",
        )
        for i in range(3)
    ]
    assert wait_for(lambda: all("ready" in child.log.read_text() for child in children))
    stop_together(children, 30)
    assert [child.status for child in children] == [0, 0, 0]


def test_an_interrupted_stop_kills_at_once(tmp_path: Path, monkeypatch) -> None:
    code = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('ready', flush=True)
time.sleep(60)
"""
    child = start(tmp_path, code)
    assert wait_for(lambda: "ready" in child.log.read_text())
    monkeypatch.setattr(Child, "send", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stop_together([child], 30)
    assert child.wait(10) == -signal.SIGKILL


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_stopping_one_that_ended_keeps_its_status(tmp_path: Path) -> None:
    child = start(tmp_path, "raise SystemExit(3)")
    child.wait(10)
    assert child.stop(1) == child.stop(1) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux only")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
from pathlib import Path
from psg_ros.ros.demo.child import Child
command = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
child = Child("trial", command, os.environ, Path({str(tmp_path / "trial.log")!r}))
print(child._process.pid, flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert wait_for(lambda: "ready" in (tmp_path / "trial.log").read_text())
        parent.kill()
    assert wait_for(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
