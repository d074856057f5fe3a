# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter that starts from given weights; what depends on the labels may start over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from psg_ros.network.checkpoints.backbones import initial_tensors
from psg_ros.network.checkpoints.exported import read_model_folder
from psg_ros.network.checkpoints.reading import Source, read_source
from psg_ros.network.checkpoints.renaming import some_of
from psg_ros.network.segmenter import Segmenter
from psg_ros.robot.manifest import MANIFEST_FILE


def load_initial_weights(model: Segmenter, path: str, weights_file: str) -> list[str]:
    """Give a segmenter the weights of a file or folder; return the names of those that stay random.

    Args:
        path: weights under our names, or a folder that holds them as `weights_file`; a model
            folder with an artifact `segmenter`, as `psg export` writes it; or a backbone that
            `psg_ros.network.checkpoints.backbones` knows (file, folder, or name on the hub).

    Raises:
        FileNotFoundError, ImportError: as `read_source`.
        ValueError: not weights, or weights of another network; names what does not fit.
    """
    found = _read(path, weights_file, model.config.type)
    tensors = initial_tensors(found, model.config.type)
    fitting, fresh = fit(tensors, model, str(found.path))
    with torch.no_grad():
        model.load_state_dict(fitting, strict=False)
    return fresh


def _read(name: str, weights_file: str, segmenter: str) -> Source:
    folder = Path(name).expanduser()
    beside = folder / weights_file
    if (folder / MANIFEST_FILE).is_file() and not beside.is_file():
        return read_model_folder(folder, segmenter)
    return read_source(str(beside) if beside.is_file() else name)


def fit(
    tensors: Mapping[str, Tensor], model: Segmenter, where: str
) -> tuple[dict[str, Tensor], list[str]]:
    """Return the tensors that can be taken over, and the names of those that stay as they are.

    Raises:
        ValueError: something is missing, surplus or of another shape that must fit.
    """
    wanted = model.state_dict()
    is_backbone = not any(name.startswith(model.head_parts) for name in tensors)
    free = model.head_parts if is_backbone else model.label_parts
    misshaped = {n for n in tensors.keys() & wanted.keys() if tensors[n].shape != wanted[n].shape}
    misfits = {
        "missing": wanted.keys() - tensors.keys(),
        "surplus": tensors.keys() - wanted.keys(),
        "of another shape": misshaped,
    }
    told = []
    for kind, names in misfits.items():
        bad = sorted(name for name in names if kind == "surplus" or not name.startswith(free))
        if bad:
            told.append(f"{len(bad)} {kind}: {some_of(bad)}")
    if told:
        raise ValueError(f"initial_weights {where} do not fit the model; {'; '.join(told)}")
    fitting = {name: tensors[name].float() for name in tensors.keys() - misshaped}
    return fitting, sorted(wanted.keys() - fitting.keys())
