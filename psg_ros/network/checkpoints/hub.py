# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The hub of model files, through its own client where that is installed."""

from __future__ import annotations

from pathlib import Path

WEIGHTS = ["config.json", "*.safetensors", "*.safetensors.index.json"]
OLD_WEIGHTS = ["config.json", "pytorch_model.bin"]


def download(name: str) -> Path:
    """Return a local folder with config.json and the weights of a model `owner/name`.

    Safetensors are preferred; a model without them gives its pytorch_model.bin. Files that the
    client has already are not fetched again.

    Raises:
        FileNotFoundError: no connection, no such model, or no permission to read it.
        ImportError: the package huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} is not a local file; to fetch it from the hub: "
            "pip install '.[hub]' in the source folder, or download the model by other means and "
            "give its folder"
        ) from error
    try:
        folder = Path(snapshot_download(name, allow_patterns=WEIGHTS))
        if not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=OLD_WEIGHTS))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileNotFoundError(
            f"no file or folder {name} here, and the hub did not give it: {reason}. Without a "
            "connection, download the model elsewhere (config.json and its weights) and give the "
            "folder; a model behind an agreement needs `hf auth login` first"
        ) from error
    return folder
