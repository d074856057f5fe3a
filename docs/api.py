# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the API reference, HTML pages from the docstrings: python docs/api.py FOLDER

With --without-sources before the folder it leaves out the code: half of the time and of the size.

A warning is an error. Needs what ./run test installs, and the extra `docs`.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import re
import sys
import warnings
from pathlib import Path
from types import ModuleType

import psg_ros.robot.runtime.tensorrt

GENERATED = re.compile(r"msg|srv|lib.*|psg_ros_s_.*")
"""Modules of the package that are the messages, or libraries behind them."""

NEEDS_TENSORRT = re.compile(r"tensorrt_backend|engine|messages|running")
"""Modules that import TensorRT, if only for their types."""


def show_all_but(package: ModuleType, left_out: re.Pattern[str]) -> None:
    """Name the modules of a package that are shown: pdoc imports those, else all that lie there."""
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    package.__all__ = [name for name in found if not left_out.fullmatch(name)]  # type: ignore[attr-defined]


def main(folder: Path, *, sources: bool) -> None:
    """Write the pages.

    Args:
        sources: show the code of everything beside what is said of it.

    Raises:
        ImportError: pdoc is not installed; names the extra.
        Warning: pdoc's, of a module that it cannot read or a docstring that it cannot show.
    """
    try:
        import pdoc
    except ImportError as error:
        raise ImportError("the API reference needs: pip install pdoc (extra 'docs')") from error
    show_all_but(psg_ros, GENERATED)
    if importlib.util.find_spec("tensorrt") is None:
        show_all_but(psg_ros.robot.runtime, NEEDS_TENSORRT)
        show_all_but(psg_ros.robot.runtime.tensorrt, NEEDS_TENSORRT)
    pdoc.render.configure(docformat="google", search=True, show_source=sources)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="pdoc")
        # pdoc reads what a dataclass inherits with the names of the module that inherits it.
        inherited = r"Error parsing type annotation .*\.__init__\..* is not defined"
        warnings.filterwarnings("ignore", inherited, module="pdoc")
        pdoc.pdoc("psg_ros", output_directory=folder)


if __name__ == "__main__":
    main(Path(sys.argv[-1]), sources="--without-sources" not in sys.argv[1:-1])
