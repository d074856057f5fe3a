# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: weights as safetensors, the rest of the state beside them; written atomically."""

import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def save_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write a safetensors file; a reader sees the old or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({name: tensor.detach().contiguous() for name, tensor in weights.items()}, partial)
    os.replace(partial, path)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        FileNotFoundError: the file is missing; the message says which command writes it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; `psg train` writes it")
    return load_file(path)


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write optimizer state and counters (plain tensors and numbers) atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; refuses anything but tensors and plain values."""
    return torch.load(path, map_location="cpu", weights_only=True)
