# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is installed besides Python: the share folder, start scripts and the ament index."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from pip_build.choice import messages_wanted
from pip_build.interfaces import KINDS, PACKAGE, ROOT, interface_files

SHARE = f"share/{PACKAGE}"
INDEX = "share/ament_index/resource_index"
SHARED_FOLDERS = ("clips", "config", "launch", "models")
# What a device compiles for itself, and what an interpreter leaves behind.
IGNORED_FOLDERS = {"cache", "__pycache__"}
IGNORED_SUFFIXES = {".engine", ".pyc"}


def data_files() -> list[tuple[str, list[str]]]:
    """Return (folder below the prefix, files relative to the repository), as setuptools wants it.

    Writes the index entries below build/ first, since only files can be installed.
    """
    files = {SHARE: ["package.xml"], f"lib/{PACKAGE}": _relative((ROOT / "scripts").iterdir())}
    for folder in SHARED_FOLDERS:
        files |= _tree(ROOT / folder)
    if messages_wanted():
        for kind in KINDS:
            found = [str(path) for path in interface_files() if path.parent.name == kind]
            files[f"{SHARE}/{kind}"] = found
    return [*files.items(), *_index_entries()]


def _tree(folder: Path) -> dict[str, list[str]]:
    """Return the files of a folder by destination, its structure kept."""
    files = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(ROOT)
        ignored = path.suffix in IGNORED_SUFFIXES or IGNORED_FOLDERS & set(inside.parts)
        if path.is_file() and not ignored:
            files[f"{SHARE}/{inside.parent}"].append(str(inside))
    return dict(files)


def _index_entries() -> list[tuple[str, list[str]]]:
    """Return the entries by which ament finds the package, its messages and what it needs."""
    entries = {"packages": "", "package_run_dependencies": ";".join(_run_dependencies())}
    if messages_wanted():
        # A package without its messages must not claim them.
        entries["rosidl_interfaces"] = "\n".join(map(str, interface_files()))
    placed = []
    for kind, content in entries.items():
        file = ROOT / "build" / "ament_index" / kind / PACKAGE
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        placed.append((f"{INDEX}/{kind}", _relative([file])))
    return placed


def _run_dependencies() -> list[str]:
    manifest = ElementTree.parse(ROOT / "package.xml")
    tags = ("depend", "exec_depend")
    return sorted({element.text for tag in tags for element in manifest.iter(tag) if element.text})


def _relative(paths) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in paths if path.is_file())
