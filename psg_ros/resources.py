# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that are not Python lie: config/, launch/, models/, msg/."""

import os
import sys
from pathlib import Path

PACKAGE = "psg_ros"


def share_path() -> Path:
    """Return the folder that holds `config/` and `models/`.

    A checkout answers with its own root. An installed package answers with its `share/psg_ros`,
    looked for in every prefix of `AMENT_PREFIX_PATH` (a sourced ROS 2 workspace) and then in the
    running Python's prefix.

    Raises:
        FileNotFoundError: none of these places holds the package's files.
    """
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "package.xml").is_file() and (checkout / "config").is_dir():
        return checkout
    ament = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    for prefix in [*filter(None, ament), sys.prefix]:
        share = Path(prefix) / "share" / PACKAGE
        if (share / "config").is_dir():
            return share
    raise FileNotFoundError(
        f"the files of {PACKAGE} (config/, models/) were not found beside {checkout} nor in "
        f"share/{PACKAGE} of {sys.prefix} or of AMENT_PREFIX_PATH; install the package again"
    )
