# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Message packages that every ROS 2 has and that no wheel brings, built from their definitions.

Built as pip builds ours, with the package's name and files exchanged. Where a real one is installed
it is taken.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = 'PACKAGE = "psg_ros"'

DEFINITIONS = {
    "tf2_msgs": {"TFMessage": "geometry_msgs/TransformStamped[] transforms\n"},
    "vision_msgs": {
        "VisionClass": "uint16 class_id\nstring class_name\n",
        "LabelInfo": (
            "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n"
        ),
    },
}
"""Package -> message -> definition, fields in the order of the real ones."""

SETUP = """
import sys
sys.path.insert(0, ".")
from pip_build.commands import BuildMessages, message_extension
from setuptools import setup
setup(
    name="messages", packages=["{name}"], ext_modules=[message_extension()],
    cmdclass={{"build_ext": BuildMessages}},
)
"""


def provide(package: str, folder: Path) -> Path | None:
    """Return the folder to put on the path for a package; None where it is installed.

    Args:
        folder: where to build; a package that lies there is not built again.
    """
    if importlib.util.find_spec(package) is not None:
        return None
    project = folder / package
    if not (project / package / "msg" / "__init__.py").exists():
        _build(package, project)
    return project


def _build(package: str, project: Path) -> None:
    shutil.copytree(ROOT / "pip_build", project / "pip_build", dirs_exist_ok=True)
    interfaces = project / "pip_build" / "interfaces.py"
    assert OURS in interfaces.read_text()
    interfaces.write_text(interfaces.read_text().replace(OURS, f'PACKAGE = "{package}"'))
    for part in ("msg", package):
        (project / part).mkdir(exist_ok=True)
    (project / package / "__init__.py").touch()
    for message, definition in DEFINITIONS[package].items():
        (project / "msg" / f"{message}.msg").write_text(definition)
    (project / "setup.py").write_text(SETUP.format(name=package))
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
