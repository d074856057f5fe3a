# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one door to MuJoCo: choose the off-screen GL library, import the package, explain failures.

MuJoCo binds its GL library while it is imported, from the environment variable ``MUJOCO_GL``, so
the choice has to be made first. OSMesa (software) is the default because it needs no display and no
GPU; set ``MUJOCO_GL=egl`` on a machine with a graphics driver.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from types import ModuleType
from typing import Any

_GL_HELP = {
    "osmesa": "apt-get install libosmesa6",
    "egl": "apt-get install libegl1 libgl1-mesa-dri",
}


@functools.cache
def load_mujoco() -> ModuleType:
    """Import MuJoCo with an off-screen GL library.

    Returns:
        The ``mujoco`` module.

    Raises:
        ImportError: The package is missing; the message names the extra to install.
        RuntimeError: The package is there, its GL library is not.
    """
    if importlib.util.find_spec("mujoco") is None:
        raise ImportError(
            "the simulated world needs the package mujoco, which is not installed: "
            "./run setup simulation, or pip install mujoco PyOpenGL (extra 'simulation')"
        )
    library = _gl_library()
    try:
        return importlib.import_module("mujoco")
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        raise RuntimeError(_gl_message(library, error)) from error


def open_gl_context(width: int, height: int) -> Any:
    """Make an off-screen GL context of ``width`` x ``height`` pixels, current in this thread.

    Raises:
        ImportError: MuJoCo is missing.
        RuntimeError: The GL library is missing or gives no context.
    """
    load_mujoco()
    library = _gl_library()
    try:
        # Not ``mujoco.GLContext``: that was bound when somebody first imported the package, perhaps
        # before MUJOCO_GL was set, and would then ask for a display.
        context = importlib.import_module(f"mujoco.{library}").GLContext(width, height)
        context.make_current()
    except Exception as error:  # each GL binding raises its own classes
        raise RuntimeError(_gl_message(library, error)) from error
    return context


def _gl_library() -> str:
    """The library chosen by the environment, which is set to the default if it says nothing."""
    library = os.environ.setdefault("MUJOCO_GL", "osmesa").lower()
    if library not in _GL_HELP:
        raise RuntimeError(
            f"MUJOCO_GL={library} cannot render off screen; use one of {', '.join(_GL_HELP)}"
        )
    return library


def _gl_message(library: str, error: BaseException) -> str:
    return (
        f"MuJoCo cannot render off screen with MUJOCO_GL={library}: {error}. "
        f"Install the library ({_GL_HELP[library]}) or choose another one through MUJOCO_GL."
    )
