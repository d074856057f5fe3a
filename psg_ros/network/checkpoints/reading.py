# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files, folders and hub names -> tensors. Nothing that a file brings along is executed."""

from __future__ import annotations

import json
import os
import pickle
import re
import reprlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from psg_ros.network.checkpoints import hub
from psg_ros.network.checkpoints.numpy_pickle import read_numpy_pickle

CONFIG_FILE = "config.json"
SAFETENSORS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
TORCH_FILE = "pytorch_model.bin"
TORCH_ENDINGS = (".bin", ".pt", ".pth", ".ckpt")
PICKLE_ENDING = ".pkl"
ENDINGS = (".safetensors", *TORCH_ENDINGS, PICKLE_ENDING)
WRAPPINGS = ("state_dict", "train_model", "model")
"""Under which Lightning, LightlyTrain and detectron2 store a state dict beside other things."""
ARGUMENTS = "model_init_args"
"""Under which LightlyTrain stores the arguments of the network."""
TORCH_DAMAGE = (
    AssertionError, AttributeError, EOFError, LookupError, OSError, OverflowError, RuntimeError,
    TypeError, ValueError, pickle.UnpicklingError,
)  # fmt: skip
"""What torch.load raises for damaged files; it names no errors of its own."""


@dataclass(frozen=True)
class Source:
    """What was read: tensors by their foreign names.

    Attributes:
        config: content of config.json, where there is one.
        arguments: of the network, where the weight file itself tells them (LightlyTrain).
    """

    path: Path
    tensors: dict[str, Tensor]
    config: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)


def read_source(name: str) -> Source:
    """Read a weight file, a folder in transformers' layout, or a model of the hub (owner/name).

    Raises:
        FileNotFoundError: nothing of that name, or a part of it is missing.
        ImportError: a hub name without the package huggingface_hub.
        ValueError: not a checkpoint, damaged, or more than tensors; the message names the file.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return read_folder(path)
    if path.is_file():
        beside = path.with_name(CONFIG_FILE)
        config = _read_json(beside) if beside.is_file() else {}
        content = _read_content(path)
        return Source(path, _state_dict(content, path), config, _arguments(content, path))
    if re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name) and path.suffix not in ENDINGS:
        return read_folder(hub.download(name))
    raise FileNotFoundError(
        f"{name} is neither a weight file nor a folder nor the name of a model on the hub "
        "(owner/name)"
    )


def read_folder(folder: Path) -> Source:
    """Read config.json and the weights beside it: one safetensors file, its shards, or a .bin."""
    config_path, index = folder / CONFIG_FILE, folder / INDEX_FILE
    config = _read_json(config_path) if config_path.is_file() else {}
    for path in (folder / SAFETENSORS_FILE, index, folder / TORCH_FILE):
        if path.is_file():
            tensors = _read_shards(index) if path == index else read_file(path)
            return Source(path, tensors, config)
    wanted = f"{SAFETENSORS_FILE}, {INDEX_FILE} or {TORCH_FILE}"
    raise FileNotFoundError(f"{folder} has no weights: expected {wanted}")


def read_file(path: Path) -> dict[str, Tensor]:
    """Read a .safetensors file, one of torch.save, or a pickle of detectron2; see `WRAPPINGS`.

    Raises:
        ValueError: damaged, of another kind, or more than tensors; the message names the file.
    """
    return _state_dict(_read_content(path), path)


def _read_content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path} is not a safetensors file: {error}") from error
    if path.suffix in TORCH_ENDINGS:
        return _load_torch(path)
    if path.suffix == PICKLE_ENDING:
        return read_numpy_pickle(path)
    raise ValueError(f"{path}: unknown ending {path.suffix!r}, expected {', '.join(ENDINGS)}")


def _load_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not _looks_saved(path):
            raise ValueError(f"{path} is damaged or was not written by torch.save") from error
        named = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it names {named[1]}" if named else str(error).split("\n")[0]
        raise ValueError(
            f"{path} holds more than tensors and was not opened, because opening it could run "
            "foreign code. Where you trust it, save its state dict alone: "
            f'torch.save(checkpoint["state_dict"], "weights.bin") ({reason})'
        ) from error
    except PermissionError:
        raise
    except TORCH_DAMAGE as error:
        raise ValueError(f"{path} is damaged or was not written by torch.save: {error}") from error


def _looks_saved(path: Path) -> bool:
    """Say whether a file begins as torch.save writes it: a ZIP archive, once a pickle."""
    with path.open("rb") as file:
        return file.read(2) in (b"PK", *(bytes((0x80, protocol)) for protocol in range(2, 6)))


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    for name in WRAPPINGS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{path} must hold a state dict, not {type(content).__name__}")
    foreign = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if foreign:
        raise ValueError(f"{path} must hold tensors only; these are not: {', '.join(foreign[:5])}")
    return dict(content)


def _arguments(content: Any, path: Path) -> dict[str, Any]:
    arguments = content.get(ARGUMENTS, {}) if isinstance(content, dict) else {}
    if isinstance(arguments, Tensor):  # of a state dict that is not wrapped at all
        return {}
    if not isinstance(arguments, dict):
        raise ValueError(f"{path}: {ARGUMENTS} must be a dict, not {type(arguments).__name__}")
    return arguments


def _read_shards(index: Path) -> dict[str, Tensor]:
    names = _shard_names(index)
    missing = [name for name in names if not os.path.isfile(index.parent / name)]
    if missing:
        raise FileNotFoundError(f"{index.parent} lacks {', '.join(missing)}, named by {index.name}")
    tensors: dict[str, Tensor] = {}
    for name in names:
        shard = read_file(index.parent / name)
        twice = sorted(tensors.keys() & shard.keys())
        if twice:
            raise ValueError(f"{index.parent / name} and a shard before it both hold {twice[0]}")
        tensors |= shard
    return tensors


def _shard_names(index: Path) -> list[str]:
    places = _read_json(index).get("weight_map")
    names = list(places.values()) if isinstance(places, dict) else []
    are_names = all(isinstance(name, str) and Path(name).name == name for name in names)
    if not names or not are_names:
        raise ValueError(
            f"{index}: weight_map must map each tensor to the name of a file beside it, not "
            f"{reprlib.repr(places)}"
        )
    return sorted(set(names))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, not {type(content).__name__}")
    return content
