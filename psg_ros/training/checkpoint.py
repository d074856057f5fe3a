# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: weights as safetensors, the rest of the state beside them; written atomically."""

import hashlib
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from psg_ros.files import replacing
from psg_ros.network.checkpoints.reading import TORCH_DAMAGE
from psg_ros.network.checkpoints.writing import write_tensors
from psg_ros.training.distributed import Ranks

SHOWN = 400  # characters of torch's list of what does not fit


def save_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write a safetensors file; a reader sees the old or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        write_tensors({name: one.detach().contiguous() for name, one in weights.items()}, partial)


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
        raise ValueError(f"{path} is damaged or not a safetensors file: {error}") from error


def load_into(module: nn.Module, path: Path) -> None:
    """Give a module the weights of a safetensors file.

    Raises:
        FileNotFoundError, ValueError: as `load_weights`; ValueError also for another network.
    """
    weights = load_weights(path)
    with taking_over(path):
        module.load_state_dict(weights)


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names and values; it does not depend on the device."""
    digest = hashlib.sha256()
    for name, value in weights.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write optimizer state and counters (plain tensors and numbers) atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        torch.save(state, partial)


def load_state(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read what `save_state` wrote, onto the CPU; anything but tensors and plain values is refused.

    Args:
        mapped: read tensors only when they are used: fast where a number is all that is wanted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, or one that would run code while it is read.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (FileNotFoundError, PermissionError):
        raise
    except TORCH_DAMAGE as error:
        raise ValueError(f"{path} is damaged or not a checkpoint of `psg train`") from error


def has_checkpoint(state: Path, ranks: Ranks) -> bool:
    """Return whether there is a state to go on from; all ranks must call it, and agree."""
    found = state.is_file()
    ranks.barrier()  # what one of them writes from here on, none may find
    return found


@contextmanager
def taking_over(path: Path) -> Iterator[None]:
    """Raise ValueError, which names the file, where what is in it does not fit what is to run."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:
        why = textwrap.shorten(str(error), SHOWN, placeholder=" ...")
        raise ValueError(
            f"{path} is not a checkpoint of this network, or is one of an older version, which has "
            f"to be trained again: {why}"
        ) from error
