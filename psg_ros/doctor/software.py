# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Packages: which are there, and whether they do what we need them for."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

from psg_ros.doctor.finding import Finding, try_in_python, version_of
from psg_ros.runtime.backend import BACKENDS

_ROS_TRIAL = """
import rclpy
from rclpy.utilities import get_rmw_implementation_identifier
print(rclpy.__file__.rsplit('/', 2)[0], get_rmw_implementation_identifier(), sep=', ')
"""
_MESSAGES_TRIAL = """
from rclpy.serialization import deserialize_message, serialize_message
from psg_ros.msg import SceneGraph
assert deserialize_message(serialize_message(SceneGraph(sequence=7)), SceneGraph).sequence == 7
print('built and usable')
"""
_BACKEND_TRIAL = "from psg_ros.doctor.trial import run_identity; print(run_identity({name!r}))"
_RENDER_TRIAL = """
import os
from psg_ros.data.simulation.engine import open_gl_context
open_gl_context(64, 64).free()
print('renders through', os.environ['MUJOCO_GL'])
"""
_OPENCV_TRIAL = "from psg_ros.doctor.trial import use_opencv; print(use_opencv())"


def examine_software() -> Iterator[Finding]:
    """Yield one finding a package; each is tried in a process of its own."""
    yield _opencv()
    for name in BACKENDS:
        yield _backend(name)
    yield from _ros()
    yield _simulation()
    yield _only_looked_up("torch", "torch", "train", "training and export")
    yield _only_looked_up("rosbags", "rosbags", "bags", "reading bags")


def _opencv() -> Finding:
    well, words = try_in_python(_OPENCV_TRIAL)
    cure = "" if well else "pip install opencv-python-headless"
    return Finding("required", "OpenCV", "ok" if well else _state("cv2"), words, cure)


def _backend(name: str) -> Finding:
    well, words = try_in_python(_BACKEND_TRIAL.format(name=name))
    if well:
        return Finding("backend", name, "ok", words)
    cure = f"pip install --upgrade 'psg-ros[{name}]'"
    return Finding("backend", name, _state(name), _absent(name) or words, cure)


def _ros() -> Iterator[Finding]:
    if not _installed("rclpy"):
        cure = "source /opt/ros/<distro>/setup.bash, or without ROS 2: pip install 'psg-ros[ros]'"
        yield Finding(
            "optional", "ROS 2", "missing", "no rclpy; predict works, the node does not", cure
        )
        return
    well, words = try_in_python(_ROS_TRIAL)
    distro = os.environ.get("ROS_DISTRO") or f"wheels {version_of('ros-rclpy')}"
    cure = "" if well else "start a fresh shell; never mix a sourced ROS 2 with the wheels"
    yield Finding("optional", "ROS 2", "ok" if well else "broken", f"{distro}, {words}", cure)
    well, words = try_in_python(_MESSAGES_TRIAL)
    cure = "" if well else "pip install '.[ros]' in the source folder, or colcon build"
    yield Finding("optional", "psg_ros messages", "ok" if well else "broken", words, cure)


def _simulation() -> Finding:
    if not _installed("mujoco"):
        return Finding(
            "optional", "simulation", "missing", "no mujoco", "pip install 'psg-ros[simulation]'"
        )
    well, words = try_in_python(_RENDER_TRIAL)
    detail = f"mujoco {version_of('mujoco')}, {words}"
    cure = "" if well else "apt-get install libosmesa6, or MUJOCO_GL=egl with a graphics driver"
    return Finding("optional", "simulation", "ok" if well else "broken", detail, cure)


def _only_looked_up(module: str, distribution: str, extra: str, purpose: str) -> Finding:
    if _installed(module):
        return Finding("optional", module, "ok", f"{version_of(distribution)}, for {purpose}")
    return Finding(
        "optional",
        module,
        "missing",
        f"needed for {purpose} only",
        f"pip install 'psg-ros[{extra}]'",
    )


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _state(module: str) -> str:
    return "broken" if _installed(module) else "missing"


def _absent(module: str) -> str:
    return "" if _installed(module) else "not installed"
