# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""setuptools commands: generate the message sources, compile them, put the results in place.

Two libraries (one per type support) and one extension module come out. rclpy's dispatcher opens
the libraries by bare name, which works wherever the package lies because the extension module
links to them: they are loaded, under that name, before the dispatcher asks.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from setuptools import Extension
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

from pip_build.choice import SKIP_HINT
from pip_build.generate import TYPE_SUPPORTS, Sources, generate
from pip_build.interfaces import KINDS, PACKAGE, ROOT, named_packages, ros_prefix

# What the generated code calls besides the message packages themselves.
RUNTIME_LIBRARIES = (
    "rosidl_typesupport_fastrtps_c",
    "rosidl_typesupport_fastrtps_cpp",
    "rosidl_typesupport_introspection_c",
    "rosidl_typesupport_c",
    "rosidl_runtime_c",
    "rcutils",
    "rmw",
    "fastcdr",
)
MESSAGE_LIBRARIES = (
    "rosidl_generator_py",
    "rosidl_typesupport_c",
    "rosidl_generator_c",
    *TYPE_SUPPORTS,
)


def message_extension() -> Extension:
    """Return the extension module that rclpy imports for this package; its sources come later."""
    return Extension(f"{PACKAGE}.{PACKAGE}_s__rosidl_typesupport_c", sources=[], language="c++")


class BuildPython(build_py):
    """Copies the modules into an empty folder: what was deleted must not be installed again."""

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib) / PACKAGE, ignore_errors=True)
        super().run()


class BuildMessages(build_ext):
    """Builds `message_extension()` and lays the generated Python classes beside it."""

    def run(self) -> None:
        """Remember whether the result belongs into the checkout: setuptools forgets it."""
        self._into_checkout = bool(self.inplace)
        super().run()

    def build_extension(self, ext: Extension) -> None:
        """Generate, compile and link everything.

        Raises:
            SystemExit: no compiler, or the message generators are not installed.
        """
        _require_compiler(self.compiler)
        package = (ROOT if self._into_checkout else Path(self.build_lib).resolve()) / PACKAGE
        sources = generate(_emptied(Path(self.build_temp).resolve() / "rosidl"))
        for kind in KINDS:
            _copy_classes(sources.python / PACKAGE / kind, _emptied(package / kind))
        options = _compile_options(sources)
        with _all_cores(self.compiler):
            own = [self._link_library(sources, name, package, options) for name in TYPE_SUPPORTS]
            ext.sources = sources.c_files(sources.structs) + sources.c_files(sources.python)
            ext.include_dirs = options["include_dirs"]
            ext.extra_compile_args = options["extra_postargs"]
            ext.libraries, ext.library_dirs = _libraries(), [str(ros_prefix() / "lib")]
            # Nothing in the module calls the two, so the linker has to be told to keep them.
            ext.extra_link_args = [*_link_options(), "-Wl,--no-as-needed", *own]
            super().build_extension(ext)

    def _link_library(self, sources: Sources, name: str, package: Path, options: dict) -> str:
        """Build the library of one type support and return its path."""
        file = f"lib{PACKAGE}__{name}.so"
        objects = self.compiler.compile(
            sources.c_files(sources.type_support(name)),
            output_dir=self.build_temp,
            include_dirs=options["include_dirs"] + self.include_dirs,
            extra_postargs=options["extra_postargs"],
        )
        self.compiler.link_shared_object(
            objects,
            str(package / file),
            libraries=_libraries(),
            library_dirs=[str(ros_prefix() / "lib")],
            target_lang="c++",
            extra_postargs=[*_link_options(), f"-Wl,-soname,{file}"],
        )
        return str(package / file)


def _compile_options(sources: Sources) -> dict[str, list[str]]:
    import numpy

    own = [sources.structs, sources.python, *map(sources.type_support, TYPE_SUPPORTS)]
    # Fast CDR's headers lie directly in include/, all others in include/PACKAGE/.
    include = ros_prefix() / "include"
    folders = [*own, numpy.get_include(), include, *filter(Path.is_dir, sorted(include.iterdir()))]
    return {
        "include_dirs": [str(folder) for folder in folders],
        # -w: warnings in generated code are nobody's to mend.
        "extra_postargs": ["-O1", "-fvisibility=default", "-w"],
    }


def _libraries() -> list[str]:
    messages = [f"{package}__{kind}" for package in named_packages() for kind in MESSAGE_LIBRARIES]
    return [*messages, *RUNTIME_LIBRARIES]


def _link_options() -> list[str]:
    """Find libraries beside the module, then in the environment's lib/ (site-packages/../../)."""
    return [
        "-Wl,-rpath,$ORIGIN",
        "-Wl,-rpath,$ORIGIN/../../..",
        f"-Wl,-rpath-link,{ros_prefix() / 'lib'}",
    ]


def _require_compiler(compiler) -> None:
    programs = {compiler.compiler_so[0], compiler.compiler_so_cxx[0]}
    missing = sorted(program for program in programs if not shutil.which(program))
    if missing:
        raise SystemExit(
            f"psg_ros: no C/C++ compiler to build the ROS messages with ({', '.join(missing)} not "
            f"found); on Debian or Ubuntu: apt-get install g++. {SKIP_HINT}"
        )
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        raise SystemExit(
            f"psg_ros: {header} is missing, which the ROS messages are compiled against; on Debian "
            f"or Ubuntu: apt-get install python3-dev. {SKIP_HINT}"
        )


def _copy_classes(generated: Path, package: Path) -> None:
    for path in generated.glob("*.py"):
        shutil.copyfile(path, package / path.name)


def _emptied(folder: Path) -> Path:
    """Return the folder, new and empty: a renamed message must leave nothing behind."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@contextmanager
def _all_cores(compiler) -> Iterator[None]:
    """Let `compiler.compile` work on several files at once; setuptools takes one at a time."""
    one = compiler.compile

    def several(sources: list[str], *args, **kwargs) -> list[str]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return sum(pool.map(lambda source: one([source], *args, **kwargs), sources), [])

    compiler.compile = several
    try:
        yield
    finally:
        compiler.compile = one
