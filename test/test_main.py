# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame around all subcommands: help, unknown names, errors in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from psg_ros import __main__ as psg

ROOT = Path(__file__).parents[1]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "psg_ros", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_without_a_command_the_overview_names_all_of_them() -> None:
    done = run()
    assert done.returncode == 2
    assert all(f"  {name} " in done.stdout for name in psg.COMMANDS)


@pytest.mark.parametrize("name", psg.COMMANDS)
def test_the_help_of_every_command_has_examples_of_itself(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "examples:\n" in done.stdout
    assert f"\n  psg {name}" in done.stdout.split("examples:")[1]


ACTIONS = [
    f"{name} {action}"
    for name, actions in {
        "dataset": ("check", "select", "relate", "join"),
        "models": ("list", "get", "remove"),
        "spade": ("train", "evaluate"),
    }.items()
    for action in actions
]


@pytest.mark.parametrize("name", ACTIONS)
def test_the_help_of_every_action_says_what_it_does_and_has_examples(name: str) -> None:
    done = run(*name.split(), "--help")
    assert done.returncode == 0, done.stderr
    usage, what, *_ = done.stdout.split("\n\n")
    assert usage.startswith(f"usage: psg {name}") and what[0].isupper() and what[-1] in ".:"
    assert f"\n  psg {name}" in done.stdout.split("examples:")[1]


def test_an_unknown_command_gets_the_nearest_known_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert psg.main(["predicct"]) == 2
    assert "did you mean 'predict'?" in capsys.readouterr().err


def test_bad_input_is_one_line_and_status_2() -> None:
    done = run("predict", "nowhere.png")
    assert done.returncode == 2
    assert done.stderr.startswith("psg predict: error: nowhere.png does not exist; expected ")
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_bad_usage_is_one_line_and_status_2() -> None:
    done = run("predict", "a.png", "--frames", "0")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "must be 1 or more, not 0" in done.stderr


@pytest.mark.parametrize("asked", [{"arguments": ["--debug"]}, {"PSG_DEBUG": "1"}])
def test_a_traceback_comes_only_when_asked_for(asked: dict) -> None:
    done = run("predict", "nowhere.png", *asked.pop("arguments", []), **asked)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_missing_package_is_explained() -> None:
    text = psg.explain(ModuleNotFoundError("No module named 'cv2'", name="cv2"))
    assert text == "the Python package 'cv2' is not installed; `psg doctor` says how to fix it"


def test_an_unforeseen_error_says_how_to_see_more() -> None:
    assert "run again with --debug" in psg.explain(ZeroDivisionError("division by zero"))


def test_an_operating_system_error_names_the_file() -> None:
    error = PermissionError(13, "Permission denied", "/a/b.json")
    assert psg.explain(error) == "Permission denied: /a/b.json"


def test_no_subcommand_is_imported_before_it_is_called() -> None:
    code = "import sys, psg_ros.__main__; print([m for m in sys.modules if 'commands' in m])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "[]"
