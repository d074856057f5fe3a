# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Message files -> C, C++ and Python sources, by calling the rosidl generators as CMake does.

Each generator is a Python function that reads its arguments from a JSON file. The command line
`rosidl generate` would do the same but fails with generators installed as wheels, which register
their plugins twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pip_build.interfaces import PACKAGE, ROOT, interface_files, named_packages, ros_prefix

# Fast DDS needs the first; rclpy's type registration on Jazzy needs the second as well.
TYPE_SUPPORTS = ("rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c")


@dataclass(frozen=True)
class Sources:
    """Where the generated sources lie, all below `root`, each holding a folder `psg_ros`."""

    root: Path

    @property
    def idl(self) -> Path:
        return self.root / "idl"

    @property
    def types(self) -> Path:
        """Type descriptions (JSON), which carry the hash that DDS peers compare."""
        return self.root / "types"

    @property
    def structs(self) -> Path:
        """The C structs and their functions, and the dispatcher between type supports."""
        return self.root / "c"

    @property
    def python(self) -> Path:
        """The Python classes and the C code that converts between them and the structs."""
        return self.root / "py"

    def type_support(self, name: str) -> Path:
        return self.root / name

    def c_files(self, folder: Path) -> list[str]:
        """Return the compilable files of one folder, relative to the repository where possible."""
        files = (path for path in folder.rglob("*") if path.suffix in (".c", ".cpp"))
        return [str(p.relative_to(ROOT) if p.is_relative_to(ROOT) else p) for p in sorted(files)]


def generate(root: Path) -> Sources:
    """Write all sources of the package's messages below `root` and return where they are.

    Raises:
        SystemExit: the message generators are not installed.
    """
    sources, call = describe(root)
    import rosidl_generator_c
    import rosidl_generator_py
    import rosidl_typesupport_c
    import rosidl_typesupport_fastrtps_c
    import rosidl_typesupport_introspection_c

    call(rosidl_generator_c.generate_c, sources.structs)
    call(
        rosidl_typesupport_fastrtps_c.generate_typesupport_fastrtps_c,
        sources.type_support(TYPE_SUPPORTS[0]),
    )
    call(rosidl_typesupport_introspection_c.generate_c, sources.type_support(TYPE_SUPPORTS[1]))
    call(rosidl_typesupport_c.generate_c, sources.structs, list(TYPE_SUPPORTS))
    call(rosidl_generator_py.generate_py, sources.python, ["rosidl_typesupport_c"])
    for generator in ("rosidl_generator_c", *TYPE_SUPPORTS):
        write_visibility_header(f"{generator}__visibility_control.h", sources.structs)
    return sources


def describe(root: Path) -> tuple[Sources, Caller]:
    """Write what every generator reads, below `root`; return where, and how to call generators.

    Raises:
        SystemExit: the message generators are not installed.
    """
    ros_prefix()  # says what to do where the imports below would fail
    import rosidl_adapter
    import rosidl_generator_type_description as type_description

    sources = Sources(root)
    for file in interface_files():
        rosidl_adapter.convert_to_idl(ROOT, PACKAGE, file, sources.idl / PACKAGE)
    call = Caller(sources)
    call(type_description.generate_type_hash, sources.types)
    return sources, call


class Caller:
    """Calls a generator with the arguments that all of them share."""

    def __init__(self, sources: Sources) -> None:
        share, packages = ros_prefix() / "share", named_packages()
        idl = [file.with_suffix(".idl") for file in interface_files()]
        types = sources.types / PACKAGE
        self._root = sources.root
        self._arguments = {
            "package_name": PACKAGE,
            "idl_tuples": [f"{sources.idl / PACKAGE}:{file}" for file in idl],
            "ros_interface_files": [str(ROOT / file) for file in interface_files()],
            "ros_interface_dependencies": [
                f"{package}:{idl}"
                for package in packages
                for idl in sorted((share / package / "msg").glob("*.idl"))
            ],
            "type_description_tuples": [
                f"{file}:{types / file.with_suffix('.json')}" for file in idl
            ],
            "include_paths": [f"{package}:{share / package}" for package in packages],
            "target_dependencies": [],  # a build system's: when to generate again
        }

    def __call__(self, function: Callable, folder: Path, *more: object) -> None:
        generator = function.__module__.partition(".")[0]
        arguments = self._arguments | {
            "output_dir": str(folder / PACKAGE),
            "template_dir": str(ros_prefix() / "share" / generator / "resource"),
        }
        file = self._root / f"{generator}.json"
        file.write_text(json.dumps(arguments))
        function(str(file), *more)


def write_visibility_header(name: str, folder: Path) -> None:
    """Fill in the header that CMake configures for each library (which symbols it exports)."""
    generator, folder = name.partition("__")[0], folder / PACKAGE / "msg"
    text = (ros_prefix() / "share" / generator / "resource" / f"{name}.in").read_text()
    text = text.replace("@PROJECT_NAME_UPPER@", PACKAGE.upper()).replace("@PROJECT_NAME@", PACKAGE)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
