# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""package.xml, pyproject.toml, requirements/ and the code say the same."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import psg_ros
from pip_build import backend
from psg_ros.backend_table import BACKENDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()
SETS = ("demo.txt", "simulation.txt", "test.txt")
"""What ./run sets up, each on top of the one before."""


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
    built_with = {wheel for wheel in backend.GENERATORS if "==" in wheel}
    assert built_with < set(ros)
    for file, wheels in (("kilted.txt", ros), ("colcon.txt", built_with)):
        wanted = dict(re.sub(r"\[.*\]", "", wheel).split("==") for wheel in wheels)
        assert {name: pins(file)[name] for name in wanted} == {n: {v} for n, v in wanted.items()}


@pytest.mark.parametrize("added", ["simulation.txt", "test.txt", "kilted.txt", "jazzy.txt"])
def test_no_package_is_pinned_twice_for_one_python(added: str):
    for name, versions in pins(added).items():
        for other in SETS:
            both = versions | pins(other).get(name, versions)
            assert both == versions, f"{name} is {both} in {other} and {added}"


def test_one_environment_holds_one_ros_2():
    assert not [name for file in SETS for name in pins(file) if "ros-" in name]
    kilted, jazzy = (pins(f"{distro}.txt")["ros-rclpy"] for distro in ("kilted", "jazzy"))
    assert kilted == {"9.1.2"} and jazzy == {"7.1.6"}


def test_any_torch_of_a_vendor_fits_the_tried_one_is_pinned_and_brings_no_vision():
    (wanted,) = (r for r in PROJECT["optional-dependencies"]["train"] if r.startswith("torch"))
    assert re.fullmatch(r"torch>=2\.\d+", wanted), "an exact pin or a ceiling breaks other builds"
    assert len(pins("test.txt")["torch"]) == 1
    for file in SETS:
        assert "torchvision" not in pins(file)
    assert not {"torch", "mujoco"} & pins("demo.txt").keys(), "the demo needs neither"
    assert "torch" not in pins("simulation.txt")


def test_manifest_names_every_package_that_messages_and_cmake_use():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    in_cmake = re.search(r"set\(interface_dependencies ([a-z_ ]+)\)", cmake)
    assert in_cmake and set(in_cmake[1].split()) == dependencies("depend")
    files = [*(ROOT / "msg").glob("*.msg"), *(ROOT / "srv").glob("*.srv")]
    texts = "\n".join(path.read_text() for path in files)
    in_messages = set(re.findall(r"^([a-z_]+)/", texts, re.MULTILINE))
    assert in_messages <= dependencies("depend")


def test_rosdep_alone_brings_a_backend():
    # Keys of rosdep's python.yaml that end in -pip are installed with pip.
    backends = {"python3-onnxruntime-pip": "onnxruntime"}
    found = {backends[key] for key in dependencies("exec_depend") & backends.keys()}
    assert found & BACKENDS.keys()


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


def advice() -> list[tuple[str, str]]:
    """Every text of the package that says "pip install", with its file; f-strings in pieces."""
    found = []
    for path in sorted((ROOT / "psg_ros").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and "pip install" in str(node.value):
                found.append((str(path.relative_to(ROOT)), str(node.value)))
    return found


def test_nothing_sends_a_user_to_a_registry_for_this_package():
    names = "psg-ros", "psg_ros["
    assert [found for found in advice() if any(name in found[1] for name in names)] == []


def test_advised_installations_are_those_of_the_extras():
    extras = PROJECT["optional-dependencies"]
    num_checked = 0
    for file, text in advice():
        for extra in re.findall(r"'\.\[([a-z]+)\]'", text):
            assert extra in extras and f"'.[{extra}]' in the source folder" in text, (file, text)
            num_checked += 1
        for packages, extra in re.findall(r"pip install ([^({]+) \(extra '([a-z]+)'\)", text):
            wanted = {re.split("[<=>]", package)[0] for package in extras[extra]}
            assert set(shlex.split(packages)) == wanted, (file, text)
            num_checked += 1
    assert num_checked > 5


def test_extras_bring_the_packages_of_the_table_of_backends():
    wanted = {p.extra: p.name for row in BACKENDS.values() for p in row.packages.values()}
    assert len(wanted) > len(BACKENDS), "one needs another package on a GPU"
    for extra, name in wanted.items():
        (package,) = PROJECT["optional-dependencies"][extra]
        assert re.split("[<=>]", package)[0] == name


def test_no_claim_goes_beyond_the_backends_there_are():
    text = " ".join(str(MANIFEST.findtext("description")).split())
    assert "OpenVINO or ONNX Runtime" in text
    assert "TensorRT" not in text, "no GPU has run it yet"


def test_settings_are_understood_by_the_pytest_of_ubuntu_22_04():
    options = PYPROJECT["tool"]["pytest"]["ini_options"]
    assert tuple(map(int, options["minversion"].split("."))) <= (6, 2)
    # 6.2 knows these; with --strict-config one it does not know ends the run.
    assert options.keys() <= {"addopts", "filterwarnings", "markers", "minversion", "testpaths"}
