# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What pyproject.toml cannot say: messages to compile and files that are not Python."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

sys.path.insert(0, str(Path(__file__).resolve().parent))

from pip_build.choice import VARIABLE, messages_wanted  # noqa: E402
from pip_build.commands import BuildMessages, BuildPython, message_extension  # noqa: E402
from pip_build.data_files import data_files  # noqa: E402

if not messages_wanted():
    print(f"psg_ros: installed without ROS messages and node, because {VARIABLE}=skip")

setup(
    # A checkout may hold messages of an editable install; every build generates its own.
    packages=find_packages(include=["psg_ros*"], exclude=["psg_ros.msg", "psg_ros.srv"]),
    package_data={"psg_ros.robot.runtime.cuda": ["*.cu"]},
    ext_modules=[message_extension()] if messages_wanted() else [],
    cmdclass={"build_ext": BuildMessages, "build_py": BuildPython},
    data_files=data_files(),
)
