# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lets tensors without numbers (FakeTensor) lie on the device `cuda` in a torch built without it.

Some operators change to the device of their arguments first, and such a torch does not know how.
Five lines of C++ tell it: by doing nothing. A capture needs no more to be judged by.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
import torch

SOURCE = """
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/FakeGuardImpl.h>
namespace c10::impl {
C10_REGISTER_GUARD_IMPL(CUDA, FakeGuardImpl<c10::DeviceType::CUDA>)
}
"""


@cache
def allow_cuda_without_gpu() -> None:
    """Do so for the rest of this process; skip the test where it needs a compiler and has none."""
    if torch.backends.cuda.is_built():
        return
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    root = Path(torch.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "guard.cpp"), Path(folder, "guard.so")
        source.write_text(SOURCE, encoding="utf-8")
        command = ["g++", "-std=c++20", "-O0", "-shared", "-fPIC", str(source), "-o", str(library)]
        command += [f"-I{root / 'include'}", f"-L{root / 'lib'}", "-lc10"]
        subprocess.run(command, check=True, timeout=300, env={**os.environ, "LC_ALL": "C"})
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
