# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: weights as safetensors, the rest of the state beside them; written atomically."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from psg_ros.files import replacing


def save_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write a safetensors file; a reader sees the old or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        save_file({name: tensor.detach().contiguous() for name, tensor in weights.items()}, partial)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        FileNotFoundError: the file is missing; the message says which command writes it.
        ValueError: not a safetensors file, or damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; `psg train` writes it")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no safetensors file: {error}") from error


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write optimizer state and counters (plain tensors and numbers) atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        torch.save(state, partial)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote, onto the CPU; anything but tensors and plain values is refused.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, or one that would run code while it is read.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, PermissionError):
        raise
    except (UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path} is damaged or no checkpoint of `psg train`") from error


@contextmanager
def taking_over(path: Path) -> Iterator[None]:
    """Raise ValueError, which names the file, where the state in it does not fit what is to run."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:
        what = f"is no checkpoint of this network: {' '.join(str(error).split())}"
        raise ValueError(f"{path} {what}") from error
