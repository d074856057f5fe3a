# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""REACT++ (boxes and their relations, an ONNX file) and a segmenter -> one model folder.

Needs no torch: the file is read by ONNX Runtime, and nothing in it is executed but its network.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from psg_ros.backend_table import AUTO, BACKENDS, TWINS
from psg_ros.config import RECOMMENDED
from psg_ros.file_digest import file_sha256
from psg_ros.files import scratch_beside
from psg_ros.robot.forms import load_model
from psg_ros.robot.forms.box_relations import (
    BOX_COLUMNS,
    RELATION_COLUMNS,
    UNKNOWN,
    Translation,
    names_of,
)
from psg_ros.robot.manifest import (
    LABELS_FILE,
    MANIFEST_FILE,
    ArtifactSpec,
    BoxRelations,
    ModelFolder,
    TensorSpec,
)
from psg_ros.robot.runtime.backend import open_backend
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.robot.runtime.tensors import as_text
from psg_ros.setting_files import read_mapping

FORM, ARTIFACT, FILE = "segmenter_and_boxes", "box_relations", "box_relations.onnx"
NAME_KEYS = ("obj_classes", "rel_classes")
"""Keys of the file's metadata: names of labels and of predicates, JSON."""
BACKGROUND = "__background__"
"""Number 0 where a list names it; the others are counted from 1."""
MIN_IOU = BoxRelations.min_iou
MOST_BOXES = 8400
"""Cells of a YOLO network of 640 px, each of which may be a box."""


@dataclass(frozen=True)
class Joined:
    """What was found on joining; names that only one of the two knows.

    Attributes:
        labels, predicates: of the network of boxes, and how many of them the segmenter shares.
        strange_labels, strange_predicates: whose boxes and relations are left out.
        backend: the only one of those here that runs the file; "auto" where all do.
    """

    labels: tuple[int, int]
    predicates: tuple[int, int]
    strange_labels: tuple[str, ...]
    strange_predicates: tuple[str, ...]
    backend: str


def join(source: Path, segmenter: str, out: Path, min_iou: float = MIN_IOU) -> Joined:
    """Write a model folder: the segmenter of a model, related by REACT++.

    Args:
        source: ONNX file as REACT++ is published.
        segmenter: a model, as of `PipelineConfig`; whatever relates its segments is left out.
        min_iou: overlap of a box with that of a segment from which on they may be the same thing.

    Raises:
        FileExistsError: `out` is not empty.
        FileNotFoundError: no such file or model.
        ImportError: ONNX Runtime is not installed.
        ValueError: another interface, no names, a model without a segmenter of its own, or nothing
            in common.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is not empty; choose another folder")
    model = load_model(segmenter)
    if "segmenter" not in model.manifest.artifacts:
        raise ValueError(
            f"{segmenter} is a model of form {model.manifest.form}, which has no network that "
            "finds segments alone; export it again as two files or with --segmenter-only"
        )
    spec, labels, predicates = read_react(source)
    names = {"labels": labels, "predicates": predicates, "min_iou": min_iou}
    with scratch_beside(out) as folder:
        shutil.copyfile(source, folder / FILE)
        backend = _only_backend(folder / FILE, spec)
        _write(folder, model, source.stem, spec, names | {"backend": backend})
        joined = _compare(load_model(str(folder)))
        out.mkdir(exist_ok=True)
        files = sorted(path.name for path in folder.iterdir() if path.name != MANIFEST_FILE)
        for name in (*files, MANIFEST_FILE):
            os.replace(folder / name, out / name)
    return joined


def read_react(source: Path) -> tuple[ArtifactSpec, list[str], list[str]]:
    """Return tensors, labels and predicates of an ONNX file, after checking what they are.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `join`.
    """
    try:
        from psg_ros.robot.runtime.onnx_backend import read_interface
    except ImportError as error:
        raise ImportError(
            "reading the names in an ONNX file needs ONNX Runtime: pip install onnxruntime"
        ) from error
    found = read_interface(source)
    inputs, outputs = _tensors(source, found.inputs, found.outputs)
    labels, predicates = (_names(source, found.metadata, key) for key in NAME_KEYS)
    return ArtifactSpec(FILE, file_sha256(source), inputs, outputs), labels, predicates


def _tensors(
    source: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Return the tensors with the one image and the two tables that we use them for."""
    tables = _tables(outputs)
    fits = len(inputs) == 1 and inputs[0].dtype == "float32" and len(inputs[0].shape) == 4
    if fits:
        batch, planes, height, width = inputs[0].shape
        fits = batch in (1, -1) and planes == 3 and height > 0 and width > 0
    if not fits or tables is None:
        raise ValueError(
            f"{source} is no REACT++: expected one input float32 [1, 3, height, width] and two "
            f"outputs float32 [box, {BOX_COLUMNS}] and [relation, {RELATION_COLUMNS}]; found "
            f"{as_text(inputs)} and {as_text(outputs)}"
        )
    image = TensorSpec(inputs[0].name, "float32", (1, *inputs[0].shape[1:]))
    return (image,), tables


def _tables(outputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...] | None:
    """Return boxes and relations, or None; where a file leaves columns free, boxes come first."""
    if len(outputs) != 2 or any(t.dtype != "float32" or len(t.shape) != 2 for t in outputs):
        return None
    most = {BOX_COLUMNS: MOST_BOXES, RELATION_COLUMNS: MOST_BOXES * (MOST_BOXES - 1)}
    columns = [BOX_COLUMNS, RELATION_COLUMNS]
    if outputs[0].shape[1] == RELATION_COLUMNS or outputs[1].shape[1] == BOX_COLUMNS:
        columns.reverse()
    if any(t.shape[1] not in (-1, c) for t, c in zip(outputs, columns, strict=True)):
        return None
    return tuple(
        TensorSpec(t.name, t.dtype, (t.shape[0], c), (most[c], c) if t.shape[0] == -1 else ())
        for t, c in zip(outputs, columns, strict=True)
    )


def _names(source: Path, metadata: Mapping[str, str], key: str) -> list[str]:
    """Return the names of the numbers 1, 2, ... from the file's metadata."""
    expected = f"{source}: expected a list of names, as JSON, in its metadata {key}"
    if key not in metadata:
        raise ValueError(f"{expected}, found only {', '.join(sorted(metadata)) or 'no metadata'}")
    try:
        names = json.loads(metadata[key])
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{expected}, found {metadata[key][:60]!r}")
    names = names[1:] if names[:1] == [BACKGROUND] else names
    if not names or not all(name.strip() for name in names):
        raise ValueError(f"{expected}, found {'an empty name' if names else 'no name'}")
    return names


def _only_backend(path: Path, spec: ArtifactSpec) -> str:
    """Run the network on a grey picture with each backend; see `Joined.backend`.

    The published files were optimised by ONNX Runtime, whose own operators others may not know.
    There it is enough that a file loads: it may fail where it finds nothing.
    """
    with suppress(NetworkFailed):
        _try("onnxruntime", path, spec)
    try:
        for name in BACKENDS:
            _try(name, path, spec)
    except (ImportError, RuntimeError, ValueError):
        return "onnxruntime"
    return AUTO


def _try(name: str, path: Path, spec: ArtifactSpec) -> None:
    backend = open_backend(name, path, spec, device="cpu")
    try:
        (image,) = spec.inputs
        outputs = backend.run({image.name: np.full(image.shape, 0.5, np.float32)})
        for tensor in spec.outputs:
            shape = np.shape(outputs[tensor.name])
            if len(shape) != 2 or shape[1] != tensor.shape[1]:
                raise ValueError(
                    f"{path.name} gives {tensor.name} {list(shape)}, expected {as_text([tensor])}"
                )
    finally:
        backend.close()


def _write(
    folder: Path, model: ModelFolder, react: str, spec: ArtifactSpec, found: dict[str, Any]
) -> None:
    """Copy the segmenter beside REACT++ and describe both."""
    manifest = read_mapping(model.path / MANIFEST_FILE)
    # Int8 and fp8 files were judged with other relations, and stay with the model.
    for key in ("grid_hw", "cell_px", *TWINS):
        manifest.pop(key, None)
    artifacts = {"segmenter": manifest["artifacts"]["segmenter"], ARTIFACT: _plain(asdict(spec))}
    segmenter = model.artifact_path("segmenter")
    shutil.copyfile(segmenter, folder / segmenter.name)
    shutil.copyfile(model.path / LABELS_FILE, folder / LABELS_FILE)
    backend = found.pop("backend")
    manifest |= {
        "name": f"{model.manifest.name}_{react}",
        "description": f"segments of {model.manifest.name}; relations of {react}, whose boxes are "
        "matched to them by label and overlap",
        "form": FORM,
        "relation_threshold": RECOMMENDED.relation,
        "backend": backend,
        "box_relations": found,
        "artifacts": artifacts,
    }
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Return mappings, lists, numbers and text, as YAML wants them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _compare(folder: ModelFolder) -> Joined:
    names, translation = names_of(folder), Translation(folder)
    shared = translation.same_label.any(axis=0)
    strange = translation.predicates == UNKNOWN
    return Joined(
        (len(shared), int(shared.sum())),
        (len(strange), int((~strange).sum())),
        tuple(name for name, is_shared in zip(names.labels, shared, strict=True) if not is_shared),
        tuple(n for n, is_strange in zip(names.predicates, strange, strict=True) if is_strange),
        folder.manifest.backend,
    )
