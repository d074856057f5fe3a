# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Packages: which are there, and whether they do what we need them for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from psg_ros.backend_table import BACKENDS, installation
from psg_ros.doctor.finding import Finding, try_in_python
from psg_ros.robot.runtime.backend import choose_backend, hardware_problem

_OPENCV = "from psg_ros.doctor.trial import use_opencv; print(use_opencv())"
_PICTURES = "from psg_ros.doctor.trial import read_pictures; print(read_pictures())"
_BACKEND = "from psg_ros.doctor.trial import run_identity; print(run_identity({name!r}))"
_VIDEOS = "from psg_ros.doctor.trial import use_videos; print(use_videos())"
_ROS = """
import os, rclpy
from rclpy.utilities import get_rmw_implementation_identifier
distro = os.environ.get('ROS_DISTRO', 'wheels')
print(distro, rclpy.__path__[0], get_rmw_implementation_identifier(), sep=', ')
"""
_MESSAGES = """
from rclpy.serialization import deserialize_message, serialize_message
from psg_ros.msg import SceneGraph
from psg_ros.srv import QueryRelations  # absent where only older messages were built
assert deserialize_message(serialize_message(SceneGraph(sequence=7)), SceneGraph).sequence == 7
print('built and usable')
"""
_RENDER = """
import os, mujoco
from psg_ros.simulation.engine import open_gl_context
open_gl_context(64, 64).free()
print(f"mujoco {mujoco.__version__}, renders through {os.environ['MUJOCO_GL']}")
"""
NO_HARDWARE = "nothing to do where there is no such device; docs/gpu.md says what it needs"
# Not imported: that alone would take seconds.
_LOOK_UP = "from importlib.metadata import version; print(version({name!r}) + ', for {purpose}')"


@dataclass(frozen=True)
class Trial:
    """A package and how to find out whether it works.

    Attributes:
        group, name: see `Finding`.
        modules: what must be importable; the first that is not is called missing.
        code: prints the detail of the finding as its last line, or fails.
        cure_missing, cure_broken: see `Finding.cure`; the second is the first where it is empty.
    """

    group: str
    name: str
    modules: tuple[str, ...]
    code: str
    cure_missing: str
    cure_broken: str = ""

    def run(self) -> Finding:
        """Try the package in a process of its own."""
        for module in self.modules:
            if importlib.util.find_spec(module) is None:
                detail = f"{module} is not installed"
                return Finding(self.group, self.name, "missing", detail, self.cure_missing)
        well, words = try_in_python(self.code)
        if well:
            return Finding(self.group, self.name, "ok", words)
        cure = self.cure_broken or self.cure_missing
        return Finding(self.group, self.name, "broken", words, cure)


def examine_software() -> Iterator[Finding]:
    """Yield one finding a package, each tried in a process of its own, and the automatic choice."""
    yield Trial("required", "OpenCV", ("cv2",), _OPENCV, "pip install opencv-python-headless").run()
    readers = ("PIL", "simplejpeg")
    cure = "pip install pillow simplejpeg"
    yield Trial("required", "pictures", readers, _PICTURES, cure).run()
    for name, row in BACKENDS.items():
        code = _BACKEND.format(name=name)
        again = installation(name).replace("install", "install --force-reinstall", 1)
        if problem := hardware_problem(name):
            yield Finding("backend", name, "missing", problem, NO_HARDWARE)
            continue
        yield Trial("backend", name, (row.import_name,), code, installation(name), again).run()
    yield automatic_backend()
    yield from (trial.run() for trial in _optional_trials())


def automatic_backend() -> Finding:
    """Say which backend "auto" is here, and why; whether it works is another finding."""
    try:
        name, reason = choose_backend()
    except ImportError:
        anywhere = (name for name, row in BACKENDS.items() if not row.hardware)
        cure = " or ".join(map(installation, anywhere))
        return Finding("optional", "backend auto", "missing", "no backend is installed", cure)
    return Finding("optional", "backend auto", "ok", f"{name}: {reason}")


def _optional_trials() -> Iterator[Trial]:
    wheels = "without ROS 2: pip install '.[ros]' in the source folder"
    yield Trial(
        "optional",
        "ROS 2",
        ("rclpy",),
        _ROS,
        f"source /opt/ros/<distro>/setup.bash; {wheels}",
        "start a fresh shell; never mix a sourced ROS 2 with the wheels",
    )
    cure = f"colcon build, then source install/setup.bash; {wheels}"
    yield Trial("optional", "psg_ros messages", ("rclpy", "psg_ros.msg"), _MESSAGES, cure)
    yield Trial(
        "optional",
        "simulation",
        ("mujoco",),
        _RENDER,
        "./run setup simulation, or pip install mujoco PyOpenGL (extra 'simulation')",
        "apt-get install libosmesa6, or MUJOCO_GL=egl with a graphics driver",
    )
    cure = "pip install av (extra 'video')"
    yield Trial("optional", "videos", ("av",), _VIDEOS, cure)
    for name, purpose, cure in (
        (
            "torch",
            "training, export, backend torch",
            "./run setup test, or pip install '.[train]' in the source folder",
        ),
        (
            "rosbags",
            "reading bags",
            "pip install rosbags 'rosbags-image[opencv-headless]' (extra 'bags')",
        ),
    ):
        code = _LOOK_UP.format(name=name, purpose=purpose)
        yield Trial("optional", name, (name,), code, cure)
