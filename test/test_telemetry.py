# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""No library that the package loads reports to anybody, unless its user wants that."""

import os
import subprocess
import sys

import pytest

SWITCH = "ORT_DISABLE_TELEMETRY"


def run(code: str, home, **given: str) -> str:
    """Run code as a user would that has set nothing but what is given; return what it prints."""
    ours = {
        name: text for name, text in os.environ.items() if name not in (SWITCH, "XDG_CACHE_HOME")
    }
    command = [sys.executable, "-c", code]
    environment = {**ours, "HOME": str(home), **given}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_onnx_runtime_makes_no_identifier_of_this_machine(tmp_path):
    pytest.importorskip("onnxruntime")
    run("import psg_ros.robot.runtime.onnx_backend", tmp_path)
    assert not list(tmp_path.rglob("*"))


def test_a_user_may_choose_otherwise(tmp_path):
    shown = run(f"import os, psg_ros; print(os.environ[{SWITCH!r}])", tmp_path, **{SWITCH: "0"})
    assert shown.strip() == "0"
