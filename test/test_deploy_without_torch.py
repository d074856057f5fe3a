# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The deployed core runs where neither the training packages nor ROS nor the simulator are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from backends import INSTALLED
from tiny_model import COLORS

import psg_ros.scene_graph
from psg_ros.backend_table import BACKENDS

PACKAGE = Path(psg_ros.scene_graph.__file__).parent
CORE = (
    "config", "data", "drawing", "labels", "media", "pictures", "resources", "robot", "scene_graph",
)  # fmt: skip
UNWANTED = (
    "absl", "jaxtyping", "matplotlib", "mujoco", "onnx", "onnxscript", "openvino_telemetry",
    "rclpy", "safetensors", "torch", "torchvision", "transformers",
)  # fmt: skip
ABSENT = [BACKENDS[name].module.rpartition(".")[2] for name in BACKENDS.keys() - set(INSTALLED)]
# The last three are parts of the backend tensorrt.
LEFT_OUT = ("__init__", *ABSENT, "engine", "messages", "running")

IMPORT_CORE = """
import importlib, pathlib, sys
package = pathlib.Path({package!r})
files = [package / f"{{name}}.py" for name in {core!r}] + [
    file for name in {core!r} for file in package.glob(f"{{name}}/**/*.py")
]
for file in files:
    if file.is_file() and file.stem not in {left_out!r}:
        relative = file.relative_to(package.parent).with_suffix("")
        importlib.import_module(".".join(relative.parts))
"""
RUN_PIPELINE = """
import numpy
from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.pipeline import Pipeline
image = numpy.full((64, 96, 3), {color!r}, numpy.uint8)
for backend in {backends!r}:
    with Pipeline.open(PipelineConfig(model={model!r}, backend=backend)) as pipeline:
        assert len(pipeline(Frame(image)).nodes) == 1
"""
PRINT_UNWANTED = "print(*sorted(set({unwanted!r}) & sys.modules.keys()))\n"


def unwanted_after(*code: str) -> list[str]:
    """Run code in a fresh interpreter; return which unwanted packages it has loaded."""
    script = "import sys\n" + "".join(code) + PRINT_UNWANTED.format(unwanted=UNWANTED)
    finished = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, cwd=PACKAGE.parent, timeout=120, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


def test_importing_and_running_the_core_loads_none_of_them(tiny_model):
    everything = IMPORT_CORE.format(package=str(PACKAGE), core=CORE, left_out=LEFT_OUT)
    running = RUN_PIPELINE.format(backends=INSTALLED, model=str(tiny_model), color=COLORS["red"])
    assert unwanted_after(everything, running) == []


@pytest.mark.parametrize("name", ["torch", "rclpy", "mujoco"])
def test_this_check_can_fail(name, tmp_path):
    # A stand-in of that name: importing the real one takes seconds.
    (tmp_path / f"{name}.py").write_text("")
    assert unwanted_after(f"sys.path.insert(0, {str(tmp_path)!r})\nimport {name}\n") == [name]


def test_every_core_module_is_looked_at():
    assert all((PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file() for name in CORE)
