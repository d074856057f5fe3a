# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""./run: sets up once, notices changes, repairs what was killed, keeps out of a sourced ROS 2.

A stand-in for Python records what the script asks of it, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Knows just what ./run asks of a Python. FAKE_PIP=fail|kill spoils the first `pip install`.
FAKE_PYTHON = """#!/usr/bin/env bash
case "$*" in
--version) echo "Python 3.12.0" ;;
*platform.python_version*) echo 3.12.0 ;;
-) cat >/dev/null ;;
"-m venv --clear "*)
    echo venv >>"$CALLS"
    rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python"
    echo "VIRTUAL_ENV=$4" >"$4/bin/activate"
    echo "version = 3.12.0" >"$4/pyvenv.cfg" ;;
*" install "*" -r "*)
    echo "install $(grep -o '[a-z]*[.]txt' <<<"$*" | xargs)" >>"$CALLS"
    if [[ ${FAKE_PIP-} == kill ]]; then kill -KILL $PPID; fi
    if [[ ${FAKE_PIP-} == fail ]]; then echo "no such version"; exit 1; fi ;;
*" --editable "*)
    echo package >>"$CALLS"
    bin=$(dirname "$0")
    printf '#!/usr/bin/env bash\\necho "psg $*"\\nenv\\n' >"$bin/psg" && chmod +x "$bin/psg"
    mkdir -p "${@: -1}/psg_ros/msg" && touch "${@: -1}/psg_ros/msg/__init__.py" ;;
esac
"""


class Checkout:
    """A copy of what the script reads, and the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (
            "run",
            "pyproject.toml",
            "setup.py",
            "requirements",
            "msg",
            "srv",
            "pip_build",
        ):
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)
        self.python = folder / "fake_python"
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)
        self.calls_file = folder / "calls.txt"

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        self.calls_file.write_text("")
        hidden = ("PSG_VENV", "PSG_ROS", "MUJOCO_GL", "ROS_DISTRO")
        env = {name: value for name, value in os.environ.items() if name not in hidden}
        env |= {"PYTHON": str(self.python), "CALLS": str(self.calls_file), "MUJOCO_GL": "egl"}
        command = [str(self.folder / "run"), *arguments]
        return subprocess.run(
            command, env=env | environment, capture_output=True, text=True, timeout=60
        )

    @property
    def calls(self) -> list[str]:
        """What the last run asked of Python."""
        return self.calls_file.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


FULL_SETUP = ["venv", "install demo.txt kilted.txt", "package"]
WITH_JAZZY = ["venv", "install demo.txt jazzy.txt", "package"]


def test_help_teaches_every_command(checkout: Checkout):
    output = checkout.run("--help").stdout
    for word in ("demo", "test", "psg", "setup", "PYTHON", "PSG_ROS", "PSG_VENV"):
        assert word in output
    assert checkout.calls == []


def test_unknown_command_is_refused(checkout: Checkout):
    done = checkout.run("dmeo")
    assert done.returncode == 1
    assert "unknown command: dmeo" in done.stderr


def test_first_start_sets_up_and_the_second_skips_it(checkout: Checkout):
    first = checkout.run("psg", "predict", "a b.jpg")
    assert checkout.calls == FULL_SETUP
    assert first.stdout.startswith("psg predict a b.jpg\n")
    assert checkout.run("demo", "--seconds", "3").stdout.startswith("psg demo --seconds 3\n")
    assert checkout.calls == []


CHANGES = [
    "requirements/demo.txt",
    "requirements/kilted.txt",
    "msg/SceneGraph.msg",
    "srv/QueryRelations.srv",
    "setup.py",
]


@pytest.mark.parametrize("changed", CHANGES)
def test_a_change_is_installed_into_the_same_environment(checkout: Checkout, changed: str):
    checkout.run("setup")
    with (checkout.folder / changed).open("a") as file:
        file.write("# changed\n")
    checkout.run("setup")
    assert checkout.calls == FULL_SETUP[1:]


def test_what_is_imported_is_compiled_once(checkout: Checkout):
    """pip compiles nothing beforehand, so no process may be told to keep nothing."""
    done = checkout.run("psg", PYTHONDONTWRITEBYTECODE="1")
    assert "\nPATH=" in done.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in done.stdout


def test_test_set_serves_the_demo_but_not_the_other_way(checkout: Checkout):
    checkout.run("setup", "test")
    assert checkout.calls == ["venv", "install test.txt kilted.txt", "package"]
    checkout.run("setup")
    assert checkout.calls == []
    (checkout.folder / "requirements" / "test.txt").write_text("")
    checkout.run("setup")
    assert checkout.calls == []
    checkout.run("setup", "test")
    assert checkout.calls == ["install test.txt kilted.txt", "package"]


def test_a_set_serves_all_smaller_ones(checkout: Checkout):
    checkout.run("setup", "simulation")
    assert checkout.calls == ["venv", "install simulation.txt kilted.txt", "package"]
    for smaller in ("demo", "simulation"):
        checkout.run("setup", smaller)
        assert checkout.calls == []
    checkout.run("setup", "test")
    assert checkout.calls == ["install test.txt kilted.txt", "package"]
    checkout.run("setup", "simulation")
    assert checkout.calls == []


def test_only_what_renders_asks_for_a_gl_library(checkout: Checkout, tmp_path: Path):
    """`./run demo` plays a clip: without root, a missing GL library must not be in its way."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("ldconfig", "apt-get"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n')
        (tools / name).chmod(0o755)
    bare = {"MUJOCO_GL": "", "PATH": f"{tools}:{os.environ['PATH']}"}
    assert checkout.run("setup", **bare).returncode == 0
    assert checkout.calls == FULL_SETUP
    done = checkout.run("setup", "simulation", **bare)
    assert "libosmesa6" in done.stderr


def test_an_unknown_set_is_refused(checkout: Checkout):
    done = checkout.run("setup", "simulations")
    assert done.returncode == 1
    assert "./run setup simulation" in done.stderr
    assert checkout.calls == []


def test_another_ros_2_makes_the_environment_from_scratch(checkout: Checkout):
    first = checkout.run("setup", PSG_ROS="jazzy")
    assert checkout.calls == WITH_JAZZY
    assert "ROS 2 Jazzy (Python wheels)" in first.stderr
    checkout.run("setup", PSG_ROS="jazzy")
    assert checkout.calls == []
    assert "ROS 2 Kilted" in checkout.run("setup").stderr
    assert checkout.calls == FULL_SETUP


def test_environments_side_by_side_build_the_messages_when_they_take_turns(checkout: Checkout):
    jazzy = {"PSG_ROS": "jazzy", "PSG_VENV": str(checkout.folder / "jazzy")}
    checkout.run("setup")
    checkout.run("setup", **jazzy)
    assert checkout.calls == WITH_JAZZY
    checkout.run("setup")
    assert checkout.calls == FULL_SETUP[1:], "the messages fit Jazzy"
    checkout.run("setup", **jazzy)
    assert checkout.calls == WITH_JAZZY[1:], "the messages fit Kilted"
    checkout.run("setup", **jazzy)
    assert checkout.calls == []


def test_a_ros_2_without_wheels_is_refused(checkout: Checkout):
    done = checkout.run("demo", PSG_ROS="humble")
    assert done.returncode == 1
    assert "PSG_ROS=humble: there are Python wheels of kilted and jazzy" in done.stderr
    assert checkout.calls == []


def test_killed_setup_starts_from_scratch(checkout: Checkout):
    killed = checkout.run("setup", FAKE_PIP="kill")
    assert killed.returncode == -signal.SIGKILL
    checkout.run("setup")
    assert checkout.calls == FULL_SETUP


def test_failed_setup_shows_the_log_and_is_completed_later(checkout: Checkout):
    failed = checkout.run("psg", FAKE_PIP="fail")
    assert failed.returncode == 1
    assert "no such version" in failed.stderr
    assert str(checkout.folder / "build" / "setup.log") in failed.stderr
    assert failed.stdout == "", "psg was started all the same"
    checkout.run("setup")
    assert checkout.calls == FULL_SETUP[1:]


def test_moved_checkout_gets_a_new_environment(checkout: Checkout, tmp_path: Path):
    checkout.run("setup")
    moved = tmp_path.with_name(tmp_path.name + "_moved")
    shutil.copytree(tmp_path, moved)
    done = subprocess.run(
        [moved / "run", "setup"],
        env=os.environ | {"PYTHON": str(checkout.python), "CALLS": str(moved / "calls.txt")},
        capture_output=True,
    )
    assert done.returncode == 0
    assert (moved / "calls.txt").read_text().split("\n")[-4:-1] == FULL_SETUP


def test_folder_that_is_not_an_environment_is_not_deleted(checkout: Checkout, tmp_path: Path):
    precious = tmp_path / "home" / "thesis.txt"
    precious.parent.mkdir()
    precious.touch()
    done = checkout.run("setup", PSG_VENV=str(precious.parent))
    assert done.returncode == 1
    assert "is in the way" in done.stderr
    assert precious.is_file()


def test_sourced_ros_is_left_alone(checkout: Checkout):
    sourced = {
        "ROS_DISTRO": "humble",
        "AMENT_PREFIX_PATH": "underlay",
        "PYTHONPATH": "underlay",
        "LD_LIBRARY_PATH": "underlay",
        "COLCON_CURRENT_PREFIX": "underlay",
        "RMW_IMPLEMENTATION": "underlay",
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "underlay",
        "ROS_DOMAIN_ID": "42",
    }
    done = checkout.run("psg", **sourced)
    assert "=underlay" not in done.stdout
    assert "ROS_DOMAIN_ID=42" in done.stdout, "the user's choice of domain must reach the node"
    assert "the sourced humble is left alone" in done.stderr


def test_missing_compiler_is_installed_by_root_and_named_otherwise(checkout: Checkout):
    tools = checkout.folder / "tools"
    tools.mkdir()
    needed = "bash env dirname cat ls sha256sum grep mkdir flock touch rm date du cut tail cp chmod"
    for name in [*needed.split(), "basename"]:
        os.symlink(str(shutil.which(name)), tools / name)
    apt = tools / "apt-get"
    apt.write_text('#!/usr/bin/env bash\necho "apt-get $*" >>"$CALLS"\n')
    apt.chmod(0o755)
    done = checkout.run("setup", PATH=str(tools))
    if os.geteuid() == 0:
        assert "apt-get install -q -y --no-install-recommends g++" in checkout.calls
    else:
        assert done.returncode == 1
        assert "sudo apt-get install g++" in done.stderr


def test_unsupported_python_is_refused(checkout: Checkout):
    done = checkout.run("setup", PYTHON="/bin/false")
    assert done.returncode == 1
    assert "PYTHON=/bin/false is not a Python from 3.10 to 3.13" in done.stderr
    assert checkout.calls == []


def test_a_python_that_is_not_there_is_said_in_one_line(checkout: Checkout):
    done = checkout.run("psg", PYTHON="no-such-python")
    assert done.returncode == 1
    *_, last = lines = done.stderr.splitlines()
    assert last == "run: PYTHON=no-such-python is not a Python from 3.10 to 3.13"
    assert all(line.startswith("run: ") for line in lines)
