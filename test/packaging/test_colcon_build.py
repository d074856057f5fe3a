# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`colcon build` builds the same tree with CMake; tried against ROS 2 wheels in their own venv."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT, clean_environment, round_trip, run, this_python

REQUIREMENTS = ROOT / "requirements" / "colcon.txt"
# What a ROS 2 machine has for `colcon test`; this pytest is the one of Ubuntu 22.04 or 24.04.
PYTEST = "6.2.5" if sys.version_info < (3, 11) else "7.4.4"
FOR_TESTS = ("ros-ament-cmake-pytest==2.7.3", f"pytest=={PYTEST}")
# And what the README installs, with one backend: neither the other one nor onnx nor torch.
PINS = ROOT / "requirements" / "demo.txt"
ROBOT = ("pillow", "opencv-python-headless", "openvino", "tqdm")

pytestmark = [pytest.mark.slow, pytest.mark.ros]


@pytest.fixture(scope="module")
def venv() -> Path:
    """The wheels and colcon, kept below build/ for the next run while the pins stay the same."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = ROOT / "build" / f"test-colcon-{version}"
    stamp = folder / "installed.txt"
    wanted = "\n".join((REQUIREMENTS.read_text(), PINS.read_text(), *FOR_TESTS, *ROBOT))
    if not stamp.is_file() or stamp.read_text() != wanted:
        run([this_python(), "-m", "venv", "--clear", folder])
        pip = [folder / "bin" / "pip", "install", "--quiet", "--no-compile"]
        run([*pip, "-r", REQUIREMENTS, *FOR_TESTS])
        run([*pip, "-c", PINS, *ROBOT])
        stamp.write_text(wanted)
    return folder


def colcon(venv: Path, workspace: Path, *arguments: str) -> str:
    """Return what a colcon command prints; it finds the wheels of `venv` and nothing else."""
    # The path of the tests' own environment is left out: CMake would search it as well.
    env = clean_environment(
        PATH=f"{venv}/bin:/usr/local/bin:/usr/bin:/bin",
        CMAKE_PREFIX_PATH=str(venv),
        AMENT_PREFIX_PATH=str(venv),
        VIRTUAL_ENV=str(venv),
    )
    return run([venv / "bin" / "colcon", *arguments], env=env, cwd=workspace, timeout=1800)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "src").mkdir()
    (folder / "src" / "psg_ros").symlink_to(ROOT)
    return folder


@pytest.fixture(scope="module", params=["copy", "symlink"])
def install(request: pytest.FixtureRequest, venv: Path, workspace: Path) -> Path:
    """Our folder of an installation, of copies of our files or of links to them.

    Both take the messages that the first one compiles.
    """
    links = ["--symlink-install"] if request.param == "symlink" else []
    places = ["--base-paths", "src", "--install-base", request.param]
    options = [f"-DPython3_EXECUTABLE={venv}/bin/python", "-GNinja"]
    # Where the first has left copies of the generated modules, the second one puts a link.
    copies = workspace / "build" / "psg_ros" / "ament_cmake_python" / "psg_ros" / "psg_ros"
    shutil.rmtree(copies, ignore_errors=True)
    colcon(venv, workspace, "build", *links, *places, "--cmake-args", *options)
    return workspace / request.param / "psg_ros"


def test_share_folder_and_index_are_complete(install: Path):
    share = install / "share" / "psg_ros"
    for path in [
        *(ROOT / "msg").glob("*.msg"),
        *(ROOT / "srv").glob("*.srv"),
        *(ROOT / "config").rglob("*.yaml"),
    ]:
        assert (share / path.relative_to(ROOT)).is_file()
    index = install / "share" / "ament_index" / "resource_index"
    for kind in ("packages", "rosidl_interfaces", "package_run_dependencies"):
        assert (index / kind / "psg_ros").is_file()


def test_other_packages_can_compile_against_the_messages(install: Path):
    include = install / "include" / "psg_ros" / "psg_ros" / "msg"
    assert (include / "scene_graph.h").is_file()
    assert (include / "scene_graph.hpp").is_file()
    assert (include.parent / "srv" / "query_relations.hpp").is_file()
    assert (include.parent / "client.hpp").is_file()
    assert (install / "share" / "psg_ros" / "cmake" / "psg_rosConfig.cmake").is_file()


def test_modules_lie_beside_the_generated_messages(install: Path):
    (package,) = install.glob("lib/python*/site-packages/psg_ros")
    assert "__version__" in (package / "__init__.py").read_text()
    assert (package / "robot" / "pipeline.py").is_file()
    assert (package / "msg" / "_scene_graph.py").is_file()
    # A pip build in the checkout has its own, for another interpreter perhaps.
    assert not list(package.glob("libpsg_ros__*.so"))


def test_start_scripts_lie_where_ros2_run_looks(install: Path):
    names = {path.name for path in (install / "lib" / "psg_ros").iterdir()}
    assert names == {path.name for path in (ROOT / "scripts").iterdir()}


@pytest.mark.parametrize("install", ["symlink"], indirect=True)
def test_colcon_test_runs_our_tests_with_the_pytest_of_ubuntu(
    install: Path, workspace: Path, venv: Path
):
    places = ["--base-paths", "src", "--install-base", install.parent.name]
    colcon(venv, workspace, "test", *places, "--ctest-args", "-R", "^robot$")
    # Ends with an error when a test failed.
    summary = colcon(venv, workspace, "test-result", "--test-result-base", "build")
    num_tests, num_skipped = re.fullmatch(
        r"Summary: (\d+) tests, 0 errors, 0 failures, (\d+) skipped", summary.strip()
    ).groups()
    assert int(num_tests) > 2 * int(num_skipped), "one backend is enough for most"
    log = (workspace / "build" / "psg_ros" / "ament_cmake_pytest" / "robot.txt").read_text()
    assert f"pytest-{PYTEST}," in log and "test_segment_tracker.py" in log


def test_graph_travels_between_two_sourced_processes(
    install: Path, venv: Path, tmp_path: Path, domain_id: int
):
    setup = install.parent / "local_setup.bash"
    sourced = subprocess.run(
        ["bash", "-c", f"source {setup} && echo $PYTHONPATH && echo $LD_LIBRARY_PATH"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    python_path, library_path = sourced.stdout.splitlines()
    env = {"PYTHONPATH": python_path, "LD_LIBRARY_PATH": library_path}
    published, received = round_trip(venv / "bin" / "python", tmp_path, domain_id, **env)
    assert str(install) in published.splitlines()[0], "not the built package was tried"
    assert received == published
