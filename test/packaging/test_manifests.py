# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""package.xml, pyproject.toml, requirements/ and the code say the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import psg_ros
from pip_build import backend

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()


def dependencies(*tags: str) -> set[str]:
    return {str(element.text) for tag in tags for element in MANIFEST.iter(tag)}


def pins(name: str) -> dict[str, set[str]]:
    """Versions by distribution in one requirements file, extras dropped."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / name).read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9-]+)(?:\[[a-z-]+\])?==(\S+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def test_versions_agree():
    assert MANIFEST.findtext("version") == PROJECT["version"] == psg_ros.__version__


def test_licenses_agree():
    assert MANIFEST.findtext("license") == PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_messages_are_built_against_what_they_run_with():
    ros = PROJECT["optional-dependencies"]["ros"]
    assert set(ros) < set(backend.GENERATORS)
    wheels = dict(re.sub(r"\[.*\]", "", wheel).split("==") for wheel in ros)
    for file in ("demo.txt", "colcon.txt"):
        assert {name: pins(file)[name] for name in wheels} == {n: {v} for n, v in wheels.items()}


def test_no_package_is_pinned_twice_for_one_python():
    for name, versions in pins("test.txt").items():
        both = versions | pins("demo.txt").get(name, versions)
        assert both == versions, f"{name} is {both} in demo.txt and test.txt"


def test_torch_is_the_one_tried_version_and_brings_no_vision():
    assert pins("test.txt")["torch"] == {"2.13.0"}
    assert "torch==2.13.0" in PROJECT["optional-dependencies"]["train"]
    for file in ("demo.txt", "test.txt"):
        assert "torchvision" not in pins(file)
    assert "torch" not in pins("demo.txt")


def test_manifest_names_every_package_that_messages_and_cmake_use():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    in_cmake = re.search(r"set\(interface_dependencies ([a-z_ ]+)\)", cmake)
    assert in_cmake and set(in_cmake[1].split()) == dependencies("depend")
    texts = "\n".join(path.read_text() for path in (ROOT / "msg").glob("*.msg"))
    in_messages = set(re.findall(r"^([a-z_]+)/", texts, re.MULTILINE))
    assert in_messages <= dependencies("depend")


def test_manifest_makes_this_a_package_of_interfaces():
    assert MANIFEST.get("format") == "3"
    # Tools look for it directly below the root only.
    assert MANIFEST.findtext("member_of_group") == "rosidl_interface_packages"
    assert MANIFEST.findtext("export/build_type") == "ament_cmake"


def test_start_scripts_are_executable():
    scripts = list((ROOT / "scripts").iterdir())
    assert scripts
    for script in scripts:
        assert script.stat().st_mode & 0o111, f"chmod +x {script}"
        assert script.read_text().startswith("#!/usr/bin/env python3\n")
