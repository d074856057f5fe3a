# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A finished run -> a model folder: ONNX files, labels and the manifest that joins them."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import onnx
import yaml

from psg_ros.manifest import FORMAT, LABELS_FILE, MANIFEST_FILE, Manifest, file_sha256
from psg_ros.modeling import export
from psg_ros.modeling.dsflash import DsFlash
from psg_ros.resources import share_path
from psg_ros.training.train import load_run

SEGMENTER_FILE, RELATIONS_FILE = "segmenter.onnx", "relations.onnx"


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """What the manifest recommends; the defaults are EoMT's, found good for the papers' models."""

    score: float = 0.8
    overlap: float = 0.8
    relation: float = 0.1


def export_model(run_dir: Path, out: Path, thresholds: Thresholds = Thresholds()) -> Path:
    """Write a model folder from a run folder of `psg train`.

    Raises:
        FileNotFoundError: the run is not finished.
    """
    model, config, _ = load_run(run_dir)
    return release(model, config.labels, out, thresholds)


def release(model: DsFlash, labels: str, out: Path, thresholds: Thresholds) -> Path:
    """Write a model folder of a network: all of its files or, after an error, none.

    Files that are in `out` already and not part of a model (its README, pictures) stay.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch)
        write_folder(model, labels, folder, thresholds)
        for name in (SEGMENTER_FILE, RELATIONS_FILE, LABELS_FILE, MANIFEST_FILE):
            os.replace(folder / name, out / name)
    return out


def write_folder(model: DsFlash, labels: str, folder: Path, thresholds: Thresholds) -> None:
    """Export both stages of a network into an existing folder and describe them.

    Args:
        labels: a file of config/labels, without its ending.
    """
    labels_path = share_path() / "config" / "labels" / f"{labels}.yaml"
    export.export_segmenter(model, str(folder / SEGMENTER_FILE))
    export.export_relations(model, str(folder / RELATIONS_FILE))
    shutil.copyfile(labels_path, folder / LABELS_FILE)
    manifest = {
        "format": FORMAT,
        "name": model.config.name,
        "description": model.config.description,
        "input_hw": list(model.config.segmenter.input_hw),
        "mask_stride": model.config.segmenter.mask_stride,
        "grid_hw": list(model.relations.grid_hw),
        "cell_px": list(model.relations.cell_px),
        "score_threshold": thresholds.score,
        "overlap_threshold": thresholds.overlap,
        "relation_threshold": thresholds.relation,
        "segmenter": describe_artifact(folder / SEGMENTER_FILE),
        "relations": describe_artifact(folder / RELATIONS_FILE),
    }
    if model.config.scaling != Manifest.scaling:
        manifest["scaling"] = model.config.scaling
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(manifest, sort_keys=False))


def describe_artifact(path: Path) -> dict[str, Any]:
    """Return name, digest and tensors of an ONNX file as the manifest stores them."""
    graph = onnx.load(str(path), load_external_data=False).graph
    return {
        "file": path.name,
        "sha256": file_sha256(path),
        "inputs": [describe_tensor(value) for value in graph.input],
        "outputs": [describe_tensor(value) for value in graph.output],
    }


def describe_tensor(value: onnx.ValueInfoProto) -> dict[str, Any]:
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    shape = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    return {"name": value.name, "dtype": dtype, "shape": shape}
