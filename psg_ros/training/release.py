# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run -> a model folder: ONNX files, labels and the manifest that joins them."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import onnx
import yaml
from torch import nn

from psg_ros.calibration import CALIBRATION_FILE
from psg_ros.labels import load_vocabulary
from psg_ros.manifest import FORMAT, LABELS_FILE, MANIFEST_FILE, Manifest, file_sha256
from psg_ros.modeling import export
from psg_ros.modeling.dsflash import DsFlash
from psg_ros.modeling.half_weights import halve
from psg_ros.resources import share_path
from psg_ros.training.train import load_run

SEGMENTER_FILE, RELATIONS_FILE, FUSED_FILE = "segmenter.onnx", "relations.onnx", "fused.onnx"


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """What the manifest recommends; the defaults are EoMT's, found good for the papers' models."""

    score: float = 0.8
    overlap: float = 0.8
    relation: float = 0.1


@dataclasses.dataclass(frozen=True)
class Switches:
    """Settings that need no other weights: they may differ from those of the training.

    Attributes:
        prune, merge_ratio: as in `RelationConfig` and `SegmenterConfig`; None keeps the model's.
    """

    prune: bool | None = None
    merge_ratio: float | None = None


AS_TRAINED = Switches()


def export_model(
    run_dir: Path,
    out: Path,
    thresholds: Thresholds = Thresholds(),
    switches: Switches = AS_TRAINED,
    fused: int | None = None,
    *,
    half: bool = False,
) -> Path:
    """Write a model folder from a run folder of `psg train`; see `load_run`.

    Args:
        fused: write one file for both stages, for at most this many segments; None: two files.
        half: store weights in float16, see `psg_ros.modeling.half_weights`.

    Raises:
        FileNotFoundError: no run folder, or one of the two stages has no weights yet.
        ValueError: a switch or a number of segments is out of range; weights that do not fit.
    """
    model, config, _ = load_run(run_dir)
    return release(switched(model, switches), config.labels, out, thresholds, fused, half=half)


def switched(model: DsFlash, switches: Switches) -> DsFlash:
    """Return a network of the same weights with other switches; its description says so.

    Raises:
        ValueError: a switch is out of range.
    """
    relations, segmenter = model.config.relations, model.config.segmenter
    prune = relations.prune if switches.prune is None else switches.prune
    ratio = segmenter.merge_ratio if switches.merge_ratio is None else switches.merge_ratio
    both = (("prune", relations.prune, prune), ("merge_ratio", segmenter.merge_ratio, ratio))
    changed = [f"{name} {new} instead of {old}" for name, old, new in both if new != old]
    if not changed:
        return model
    told = ", ".join(changed)
    sentences = model.config.description.rstrip(". "), f"Exported, unlike trained, with {told}."
    config = dataclasses.replace(
        model.config,
        description=". ".join(filter(None, sentences)),
        segmenter=dataclasses.replace(segmenter, merge_ratio=ratio),
        relations=dataclasses.replace(relations, prune=prune),
    )
    other = DsFlash(config, *sizes(model)).eval()
    other.load_state_dict(model.state_dict())
    return other


def sizes(model: DsFlash) -> tuple[int, int]:
    """Return how many labels and predicates a network knows."""
    last = cast(nn.Linear, model.relations.head.mlp[-1])
    return model.segmenter.class_head.out_features - 1, last.out_features - 1


def release(
    model: DsFlash,
    labels: str,
    out: Path,
    thresholds: Thresholds,
    fused: int | None = None,
    *,
    half: bool = False,
) -> Path:
    """Write a model folder of a network: all of its files or, after an error, none.

    Files that are in `out` already and not part of a model (its README, pictures) stay.

    Raises:
        FileExistsError: `out` is a file.
    """
    of_other_weights = {SEGMENTER_FILE, RELATIONS_FILE, FUSED_FILE, CALIBRATION_FILE}
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; a model is a folder, so choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch)
        write_folder(model, labels, folder, thresholds, fused, half=half)
        written = {path.name for path in folder.iterdir()}
        out.mkdir(exist_ok=True)
        for name in (*sorted(written - {MANIFEST_FILE}), MANIFEST_FILE):
            os.replace(folder / name, out / name)
        for name in of_other_weights - written:
            (out / name).unlink(missing_ok=True)
    return out


def write_folder(
    model: DsFlash,
    labels: str,
    folder: Path,
    thresholds: Thresholds,
    fused: int | None = None,
    *,
    half: bool = False,
) -> None:
    """Export both stages of a network into an existing folder and describe them.

    Args:
        labels: a file of config/labels, without its ending.
    """
    labels_path = share_path() / "config" / "labels" / f"{labels}.yaml"
    if fused is None:
        artifacts = {"segmenter": SEGMENTER_FILE, "relations": RELATIONS_FILE}
        export.export_segmenter(model, str(folder / SEGMENTER_FILE))
        export.export_relations(model, str(folder / RELATIONS_FILE))
    else:
        artifacts = {"fused": FUSED_FILE}
        is_thing = [label.is_thing for label in load_vocabulary(labels_path).labels]
        export.export_fused(model, str(folder / FUSED_FILE), is_thing, fused)
    for file in artifacts.values() if half else ():
        halve(folder / file)
    shutil.copyfile(labels_path, folder / LABELS_FILE)
    manifest = describe_network(model, thresholds)
    manifest |= {stage: describe_artifact(folder / file) for stage, file in artifacts.items()}
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(manifest, sort_keys=False))


def describe_network(model: DsFlash, thresholds: Thresholds) -> dict[str, Any]:
    """Return what the manifest stores of a network, apart from its artifacts."""
    facts = {
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
    }
    is_usual = model.config.scaling == Manifest.scaling
    return facts if is_usual else facts | {"scaling": model.config.scaling}


def describe_artifact(path: Path) -> dict[str, Any]:
    """Return name, digest and tensors of an ONNX file as the manifest stores them."""
    graph = onnx.load(str(path), load_external_data=False).graph
    inputs, outputs = ([describe_tensor(v) for v in vs] for vs in (graph.input, graph.output))
    return describe_file(path, inputs, outputs)


def describe_file(path: Path, inputs: list[dict], outputs: list[dict]) -> dict[str, Any]:
    """Return name, digest and tensors of a file as the manifest stores them."""
    digest = file_sha256(path)
    return {"file": path.name, "sha256": digest, "inputs": inputs, "outputs": outputs}


def describe_tensor(value: onnx.ValueInfoProto) -> dict[str, Any]:
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    shape = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    return {"name": value.name, "dtype": dtype, "shape": shape}
