# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every entry of the table of public models as small random files in the exact layouts."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from pathlib import Path

import torch
import yaml
from eomt_checkpoints import (
    lightly_train_checkpoint,
    original_backbone,
    small_config,
    small_weights,
    upstream_weights,
)
from public_server import PublicServer

from psg_ros.public_models import load_table, table_path

NAMES = tuple(load_table().models)
HEADS = ("queries", "class_head", "mask_head", "upscale")


def as_bytes(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@cache
def small_files() -> dict[str, bytes]:
    """The files of each kind of entry: whole, or differences and the backbone they are to."""
    whole = small_weights("DINOv3")
    base = {name: tensor for name, tensor in whole.items() if not name.startswith(HEADS)}
    change = {name: 0.01 * torch.randn_like(tensor) for name, tensor in base.items()}
    return {
        "lightly": as_bytes(lightly_train_checkpoint(whole, small_config("DINOv3"))),
        "dinov2": as_bytes(upstream_weights("DINOv2", small_weights("DINOv2"))),
        "dinov3": as_bytes(upstream_weights("DINOv3", whole | change)),
        "backbone": as_bytes(original_backbone(base)),
    }


def kind_of(name: str) -> str:
    return next(kind for kind in small_files() if kind in name)


def publish(server: PublicServer, folder: Path) -> Path:
    """Give all entries from a server; return the shipped table, changed to point at it."""
    table = yaml.safe_load(table_path().read_text())
    table["places"] = dict.fromkeys(table["places"], server.url)
    for name, entry in table["models"].items():
        content = small_files()[kind_of(name)]
        server.files[place(entry["weights"])] = content
        if "sha256" in entry["weights"]:
            entry["weights"]["sha256"] = hashlib.sha256(content).hexdigest()
        if "backbone" in entry:
            server.files[place(entry["backbone"])] = small_files()["backbone"]
        family = "DINOv2" if "dinov2" in name else "DINOv3"
        numbers = sum(tensor.numel() for tensor in small_weights(family).values())
        entry |= {"parameters_m": numbers / 1e6, "input_px": 96}
    path = folder / "table.yaml"
    path.write_text(yaml.safe_dump(table, sort_keys=False))
    return path


def place(file: dict) -> str:
    """Return the path of a file on the server that stores it, behind the hub's redirection."""
    start = f"/{file['repository']}" if "repository" in file else ""
    return f"{start}/{file['paths'][-1]}"
