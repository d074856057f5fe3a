# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that are not Python lie: clips/, config/, launch/, models/, msg/."""

import os
import sys
from contextlib import suppress
from pathlib import Path

PACKAGE = "psg_ros"
MODELS = "PSG_MODELS"
"""Variable that names another folder for fetched models."""


def share_path() -> Path:
    """Return the folder that holds `clips/`, `config/` and `models/`.

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


def fetched_models_path() -> Path:
    """Return this user's folder of fetched models; it need not exist.

    It is $PSG_MODELS, $XDG_DATA_HOME/psg_ros/models or ~/.local/share/psg_ros/models.

    Raises:
        FileNotFoundError: none of the variables is set, and the user has no home.
    """
    if named := os.environ.get(MODELS):
        return Path(named)
    try:
        data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise FileNotFoundError(
            f"this user has no home for fetched models; set {MODELS} to a folder"
        ) from error
    return Path(data, PACKAGE, "models")


def model_shelves() -> list[Path]:
    """Return the folders in which models are looked for by name: the shipped ones come first."""
    shelves = [share_path() / "models"]
    with suppress(FileNotFoundError):  # no home: nothing can have been fetched
        shelves.append(fetched_models_path())
    return shelves
