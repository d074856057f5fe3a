# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is said when MuJoCo or its GL library is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from psg_ros.simulation import SimulatedCamera, engine, generate_dataset


@pytest.fixture(autouse=True)
def forget_the_loaded_engine(monkeypatch):
    load_mujoco = engine.load_mujoco
    load_mujoco.cache_clear()
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    yield
    load_mujoco.cache_clear()


def test_a_missing_package_names_the_extra_and_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install mujoco .*extra 'simulation'"):
        generate_dataset(tmp_path / "new", num_images={"train": 1})
    assert not (tmp_path / "new").exists()
    with pytest.raises(ImportError, match="pip install mujoco .*extra 'simulation'"):
        SimulatedCamera(0)


@pytest.mark.parametrize("error", [OSError, AttributeError, ImportError])
def test_a_missing_gl_library_names_the_debian_package(monkeypatch, error):
    def fail(name):
        raise error("libOSMesa.so.8: cannot open shared object file")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="apt-get install libosmesa6"):
        engine.load_mujoco()


def test_a_context_that_cannot_be_opened_names_the_library_of_the_chosen_door(monkeypatch):
    def fail(width, height):
        raise ValueError("no device")

    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace(GLContext=fail))
    with pytest.raises(RuntimeError, match="MUJOCO_GL=egl.*no device.*libegl1"):
        engine.open_gl_context(8, 8)


def test_a_door_with_a_display_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(RuntimeError, match="osmesa, egl"):
        engine.load_mujoco()


def test_a_package_imported_earlier_without_a_choice_still_renders_off_screen():
    pytest.importorskip("mujoco")
    program = (
        "import mujoco;"
        "from psg_ros.simulation.rendering import Renderer;"
        "from psg_ros.simulation.scenes import render_views;"
        "renderer = Renderer((64, 48));"
        "assert next(iter(render_views(renderer, [0], 1))).rgb.std() > 1;"
        "renderer.close()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    del environment["MUJOCO_GL"]
    environment.pop("PYOPENGL_PLATFORM", None)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_the_vocabulary_can_be_read_without_importing_mujoco():
    program = (
        "import sys, psg_ros.simulation as s;"
        "assert len(s.THING_CLASSES) == 29;"
        "assert 'mujoco' not in sys.modules and 'OpenGL' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
