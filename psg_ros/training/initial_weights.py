# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter that starts from given weights; what depends on the labels may start anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from psg_ros.checkpoints.eomt_transformers import backbone_to_ours
from psg_ros.checkpoints.exported import read_exported_segmenter
from psg_ros.checkpoints.reading import Source, read_source
from psg_ros.manifest import MANIFEST_FILE, load_model_folder

LABEL_PARTS = ("class_head.", "queries")
"""Parts that another vocabulary, or another number of queries, makes useless."""
HEAD_PARTS = (*LABEL_PARTS, "mask_head.", "upscale.")
"""Parts that a bare backbone lacks."""
LISTED = 8  # names in an error message


def load_initial_weights(model: nn.Module, path: str, weights_file: str) -> list[str]:
    """Give an `Eomt` the weights of a file or folder; return the names of those that stay random.

    Args:
        path: weights under our names, or a folder that holds them as `weights_file`; a model folder
            of two files, as `psg export` writes it; or a DINOv3 backbone in transformers' layout
            (file, folder, or name on the hub).

    Raises:
        FileNotFoundError, ImportError: as `read_source`.
        ValueError: not weights, or weights of another network; names what does not fit.
    """
    found = _read(Path(path).expanduser(), path, weights_file)
    tensors = found.tensors
    if "stem.weight" not in tensors and "cls_token" not in tensors:
        renamed = backbone_to_ours(tensors)
        if renamed.unknown:
            raise ValueError(
                f"{found.path} is neither of `psg convert` nor a DINOv3 backbone of transformers; "
                f"unknown: {_some(renamed.unknown)}"
            )
        tensors = renamed.tensors
    fitting, fresh = fit(tensors, model.state_dict(), str(found.path))
    with torch.no_grad():
        model.load_state_dict(fitting, strict=False)
    return fresh


def _read(folder: Path, name: str, weights_file: str) -> Source:
    if (folder / MANIFEST_FILE).is_file() and not (folder / weights_file).is_file():
        model = load_model_folder(str(folder))
        exported = model.artifact_path("segmenter")
        return Source(exported, read_exported_segmenter(exported))
    beside = folder / weights_file
    return read_source(str(beside) if beside.is_file() else name)


def fit(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], where: str
) -> tuple[dict[str, Tensor], list[str]]:
    """Return the tensors that can be taken over, and the names of those that stay as they are.

    Raises:
        ValueError: something is missing, surplus or of another shape that must fit.
    """
    is_backbone = not any(name.startswith(HEAD_PARTS) for name in tensors)
    free = HEAD_PARTS if is_backbone else LABEL_PARTS
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
            told.append(f"{len(bad)} {kind}: {_some(bad)}")
    if told:
        raise ValueError(f"initial_weights {where} do not fit the model; {'; '.join(told)}")
    fitting = {name: tensors[name].float() for name in tensors.keys() - misshaped}
    return fitting, sorted(wanted.keys() - fitting.keys())


def _some(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
