# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start programs for the packaging tests, apart from the environment that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUND_TRIP = Path(__file__).with_name("round_trip.py")


def clean_environment(**changes: str) -> dict[str, str]:
    """Return our environment without what binds a program to our interpreter's ROS 2."""
    bound = ("LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in bound}
    return kept | {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"} | changes


def run(command: Sequence[object], **options) -> str:
    """Return what a command prints; fail, showing everything, when it fails or hangs."""
    options = {"env": clean_environment(), "timeout": 600, "cwd": ROOT} | options
    words = [str(word) for word in command]
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def round_trip(python: Path, cwd: Path, domain_id: int, **environment: str) -> tuple[str, str]:
    """Return (what one process published, what another received) over DDS, both as text."""
    env = clean_environment(ROS_DOMAIN_ID=str(domain_id), **environment)
    command = [str(python), str(ROUND_TRIP)]
    with subprocess.Popen(
        [*command, "receive"], env=env, cwd=cwd, stdout=subprocess.PIPE, text=True
    ) as receiver:
        published = run([*command, "publish"], env=env, cwd=cwd, timeout=90)
        received, _ = receiver.communicate(timeout=90)
    assert receiver.returncode == 0
    return published, received


def this_python() -> Path:
    return Path(sys.executable)
