# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at any time: one line or none, status 130, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from psg_ros import interrupts
from psg_ros.ros.start import NODE_MODULE

ROOT = Path(__file__).parents[1]
SLOW = """\
import sys, time
print("importing", flush=True)
try:
    time.sleep(60)
except BaseException as error:
    raise ImportError("a compiled module was interrupted") from error
"""
PSG = [sys.executable, "-m", "psg_ros", "predict", "photo.jpg"]
CONSOLE = [sys.executable, "-c", "from psg_ros.console import main; main()", "predict", "a.jpg"]
NODES = (NODE_MODULE, "psg_ros.ros.demo.camera", "psg_ros.ros.demo.watcher")


def interrupted(folder: Path, command: list[str], module: str) -> tuple[int, str]:
    """Send SIGINT to a program while it imports `module`; return its status and its words."""
    (folder / f"{module}.py").write_text(SLOW)
    paths = os.pathsep.join((str(folder), str(ROOT)))
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert process.stdout.readline() == "importing\n", process.communicate()
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    return process.returncode, words


@pytest.mark.parametrize("command", [PSG, CONSOLE], ids=["module", "console script"])
@pytest.mark.parametrize("module", ["argparse", "cv2"])
def test_a_command_that_imports_ends_quietly(tmp_path: Path, command: list[str], module: str):
    assert interrupted(tmp_path, command, module) == (130, "")


@pytest.mark.parametrize("name", NODES)
def test_a_node_that_imports_ends_quietly(tmp_path: Path, name: str):
    pytest.importorskip("rclpy", reason="needs ROS 2")
    assert interrupted(tmp_path, [sys.executable, "-m", name], "cv2") == (130, "")


@pytest.mark.parametrize("name", ["psg", "scene_graph_node"])
def test_an_installed_script_that_imports_ends_quietly(tmp_path: Path, name: str):
    if name == "scene_graph_node":
        pytest.importorskip("rclpy", reason="needs ROS 2")
    command = [sys.executable, str(ROOT / "scripts" / name), "predict", "photo.jpg"]
    assert interrupted(tmp_path, command, "cv2") == (130, "")


def test_an_interrupt_that_became_another_error_still_stops(tmp_path: Path, tiny_model: Path):
    picture = tmp_path / "a.ppm"
    picture.write_bytes(b"P6 8 8 255\n" + bytes(192))
    command = [sys.executable, "-m", "psg_ros", "predict", str(picture)]
    command += ["--model", str(tiny_model), "--backend", "onnxruntime"]
    assert interrupted(tmp_path, command, "onnxruntime") == (130, "psg predict: stopped\n")


def test_what_ignores_the_signal_goes_on_ignoring_it():
    code = (
        "import os, signal; from psg_ros import __main__ as psg, interrupts\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "interrupts.end_on_interrupt(); psg.main(['doctor', '--help'])"
    )
    ending = "\nassert signal.getsignal(signal.SIGINT) is signal.SIG_IGN; os._exit(7)"
    code = code.replace("psg.main", "\ntry:\n    psg.main") + "\nexcept SystemExit:\n    pass"
    done = subprocess.run([sys.executable, "-c", code + ending], capture_output=True, timeout=60)
    assert done.returncode == 7, done.stderr


def test_ctrl_c_in_a_terminal_reaches_worker_processes_too_and_they_stay_quiet(tmp_path: Path):
    pytest.importorskip("mujoco")
    command = [sys.executable, "-m", "psg_ros", "simulate", str(tmp_path / "rooms"), "--workers"]
    command += ["2", "--train", "200", "--val", "0", "--test", "0", "--size", "64x48"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    end_s = time.monotonic() + 60
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    # Two workers, and what looks after them.
    while len(children.read_text(encoding="utf-8").split()) < 3:
        assert process.poll() is None and time.monotonic() < end_s, process.communicate()
        time.sleep(0.01)
    time.sleep(0.5)  # they import
    os.killpg(process.pid, signal.SIGINT)
    _, words = process.communicate(timeout=60)
    if "cannot render off screen" in words:
        pytest.skip(words)
    assert process.returncode == 130, words
    assert words.splitlines()[-1] == "psg simulate: stopped" and "Traceback" not in words


def test_a_process_started_in_the_block_inherits_that_ctrl_c_waits():
    command = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"]
    with interrupts.children_ignore_interrupts():
        worker = subprocess.Popen(command, stdout=subprocess.PIPE)
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for process in (worker, other):
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in other.communicate(timeout=60)[1]
    assert worker.poll() is None
    worker.kill()
    worker.communicate()
