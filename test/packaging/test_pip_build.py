# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""pip builds and installs the whole package, messages included, without CMake."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from processes import ROOT, clean_environment, round_trip, run, this_python

# Without --ignore-installed pip would remove the package from the environment that runs the tests.
PIP_INSTALL = (this_python(), "-m", "pip", "install", "--no-deps", "--no-build-isolation")
PIP_INSTALL += ("--ignore-installed",)
BUILD_SDIST = "import sys; from pip_build import backend; print(backend.build_sdist(sys.argv[1]))"

needs_generators = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import rosidl_generator_c"]).returncode != 0,
    reason="the ROS message generators are not installed",
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a source distribution holds: nothing that merely lies in this checkout."""
    folder = tmp_path_factory.mktemp("sources")
    run([this_python(), "-c", BUILD_SDIST, folder])
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder)
    return next(path for path in folder.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def prefix(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prefix")
    run([*PIP_INSTALL, "--prefix", folder, sources])
    return folder


def site_packages(prefix: Path) -> Path:
    (folder,) = prefix.glob("lib/python*/site-packages")
    return folder


def shared_files(root: Path) -> set[str]:
    """Files that must be installed, relative to the share folder: all that git does not ignore."""
    folders = ("clips", "config", "launch", "models", "msg", "srv")
    output = run(["git", "ls-files", "-co", "--exclude-standard", *folders], cwd=root)
    return {*output.split(), "package.xml"}


@pytest.mark.slow
@needs_generators
def test_share_folder_keeps_the_files_and_their_folders(prefix: Path):
    share = prefix / "share" / "psg_ros"
    installed = {str(p.relative_to(share)) for p in share.rglob("*") if p.is_file()}
    assert "msg/SceneGraph.msg" in installed
    assert shared_files(ROOT) <= installed
    assert not [name for name in installed if "/cache/" in name or name.endswith(".engine")]


@pytest.mark.slow
@needs_generators
def test_every_module_is_installed(prefix: Path):
    def modules(folder: Path) -> set[str]:
        found = {str(path.relative_to(folder)) for path in folder.rglob("*.py")}
        return {name for name in found if not name.startswith(("msg/", "srv/"))}

    assert modules(ROOT / "psg_ros") == modules(site_packages(prefix) / "psg_ros")


@pytest.mark.slow
@needs_generators
def test_ament_finds_package_messages_and_dependencies(prefix: Path):
    index = prefix / "share" / "ament_index" / "resource_index"
    assert (index / "packages" / "psg_ros").is_file()
    messages = (index / "rosidl_interfaces" / "psg_ros").read_text().splitlines()
    expected = [f"{k}/{p.name}" for k in ("msg", "srv") for p in (ROOT / k).glob(f"*.{k}")]
    assert sorted(messages) == sorted(expected)
    needed = (index / "package_run_dependencies" / "psg_ros").read_text().split(";")
    assert {"rclpy", "sensor_msgs"} <= set(needed)


@pytest.mark.slow
@needs_generators
def test_start_scripts_lie_where_ros2_run_looks(prefix: Path):
    names = {path.name for path in (prefix / "lib" / "psg_ros").iterdir()}
    assert names == {path.name for path in (ROOT / "scripts").iterdir()}
    assert all(os.access(prefix / "lib" / "psg_ros" / name, os.X_OK) for name in names)


@pytest.mark.slow
@pytest.mark.ros
@needs_generators
def test_graph_travels_between_two_processes(prefix: Path, tmp_path: Path, domain_id: int):
    site = site_packages(prefix)
    published, received = round_trip(this_python(), tmp_path, domain_id, PYTHONPATH=str(site))
    assert str(site) in published.splitlines()[0], "not the installed package was tried"
    assert "predicate_name='on'" in published
    assert received == published


def test_installs_without_messages_when_told_so(sources: Path, tmp_path: Path):
    output = run(
        [*PIP_INSTALL, "-v", "--prefix", tmp_path, sources],
        env=clean_environment(PSG_ROS_MESSAGES="skip"),
    )
    assert "installed without ROS messages and node, because PSG_ROS_MESSAGES=skip" in output
    assert (site_packages(tmp_path) / "psg_ros" / "scene_graph.py").is_file()
    assert not (site_packages(tmp_path) / "psg_ros" / "msg").exists()
    assert (tmp_path / "share" / "psg_ros" / "config").is_dir()
    index = tmp_path / "share" / "ament_index" / "resource_index"
    assert not (index / "rosidl_interfaces").exists(), "claims messages that are not there"


def failing_install(sources: Path, prefix: Path, **environment: str) -> str:
    command = [str(word) for word in (*PIP_INSTALL, "--prefix", prefix, sources)]
    env = clean_environment(**environment)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    return done.stdout + done.stderr


@needs_generators
def test_missing_compiler_says_how_to_get_one(sources: Path, tmp_path: Path):
    empty = tmp_path / "bin"
    empty.mkdir()
    output = failing_install(sources, tmp_path / "prefix", PATH=str(empty))
    assert "apt-get install g++" in output
    assert "PSG_ROS_MESSAGES=skip" in output


def test_misspelt_choice_is_refused(sources: Path, tmp_path: Path):
    output = failing_install(sources, tmp_path / "prefix", PSG_ROS_MESSAGES="no")
    assert "PSG_ROS_MESSAGES must be 'build' or 'skip', not 'no'" in output
