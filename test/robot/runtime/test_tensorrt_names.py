# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the package calls, the real libraries have: names read from their wheels, without a GPU."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import psg_ros

RUNTIME = Path(psg_ros.__file__).parent / "robot" / "runtime"
TESTS = Path(__file__).parents[2]
GOLDEN = TESTS / "golden" / "tensorrt_names.txt"
TENSORRT_FILES = (
    "tensorrt_backend.py", "tensorrt/engine.py", "tensorrt/messages.py", "tensorrt/running.py",
)  # fmt: skip
OBJECTS = {"builder", "network", "parser", "config", "shapes", "engine", "context", "severity"}
"""Variables that hold objects of TensorRT; and members of ours that do."""
MEMBERS = {"_engine", "_runtime", "_context", "measured"}
OURS = {"close", "context", "log", "name", "tensors", "why", "__init__"}
"""Members of our own objects that go by those names, and of classes that we derive."""


def used_names() -> set[str]:
    """Return every name of TensorRT that the package uses: `trt.X.Y` and members of its objects."""
    found: set[str] = set()
    for file in TENSORRT_FILES:
        for node in ast.walk(ast.parse((RUNTIME / file).read_text())):
            if isinstance(node, ast.Attribute) and is_theirs(node.value):
                found.add(node.attr)
            if isinstance(node, ast.ClassDef) and any(is_theirs(base) for base in node.bases):
                found |= {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
    return found - OURS


def is_theirs(value: ast.expr) -> bool:
    if isinstance(value, ast.Name):
        return value.id == "trt" or value.id in OBJECTS
    if isinstance(value, ast.Attribute):
        return is_theirs(value.value) if _root(value) == "trt" else value.attr in MEMBERS
    return isinstance(value, ast.Call) and is_theirs(value.func)


def _root(value: ast.expr) -> str:
    while isinstance(value, ast.Attribute):
        value = value.value
    return value.id if isinstance(value, ast.Name) else ""


def fake_names() -> set[str]:
    """Return the public members that the fake TensorRT has."""
    tree = ast.parse((TESTS / "fake_tensorrt.py").read_text())
    make = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "make")
    classes = [node for node in ast.walk(make) if isinstance(node, ast.ClassDef)]
    methods = {
        member.name
        for node in classes
        for member in node.body
        if isinstance(member, ast.FunctionDef) and not member.name.startswith("_")
    }
    return methods


def table() -> tuple[list[str], dict[str, set[str]]]:
    first, *lines = GOLDEN.read_text().splitlines()
    rows = (line.split() for line in lines)
    return first.split()[1:], {name: set(versions) for name, *versions in rows}


def test_every_name_is_in_the_bindings_of_every_version():
    versions, known = table()
    assert len(versions) >= 4 and {v.split(".")[0] for v in versions} == {"10", "11"}
    used = used_names()
    assert {"execute_async_v3", "STRONGLY_TYPED", "build_serialized_network", "nptype"} <= used
    for name in used | fake_names():
        assert name in known, f"{name}: run collect_tensorrt_names.py again"
        assert known[name] == set(versions), f"{name} is missing from {set(versions) - known[name]}"


def test_this_check_can_fail():
    versions, known = table()
    assert known["EXPLICIT_BATCH"] == set(versions) - {"11.4.0"}, "version 11 has it no more"
    assert known["platform_has_fast_fp16"] == set(versions) - {"11.4.0"}
    assert known["no_such_name_at_all"] == set()


def driver_names() -> set[str]:
    """Return the functions of CUDA's driver and the enumerations that are called."""
    text = (RUNTIME / "tensorrt" / "device.py").read_text()
    return set(re.findall(r'"(cu[A-Z]\w+)"', text)) | set(re.findall(r"driver\.(CU\w+)", text))


def test_cuda_python_has_every_function():
    driver = pytest.importorskip("cuda.bindings.driver", reason="needs cuda-python")
    assert len(driver_names()) > 20
    assert {name for name in driver_names() if not hasattr(driver, name)} == set()


def test_the_fake_of_cuda_python_has_what_is_called_and_nothing_else():
    import fake_cuda

    have = {name for name in dir(fake_cuda.CudaPython) if name.startswith(("cu", "CU"))}
    assert have == driver_names()
