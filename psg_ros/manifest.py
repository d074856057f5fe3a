# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Manifest: all that the runtime knows of a model folder.

A model folder holds `manifest.yaml`, `labels.yaml` and one ONNX file per stage, or one fused file
in place of both stages. The runtime knows neither network nor training code: a new segmenter is a
new folder.

Stage `segmenter` (fixed shapes)
    in   image         uint8   [1, H, W, 3]           RGB, padded right and bottom with zeros
    out  class_logits  float32 [1, query, label + 1]  «no object» last
         mask_logits   float32 [1, query, h, w]       h = H / mask_stride
         patch_tokens  float32 [1, cell, dim]         relation features, row-major over grid_hw
Stage `relations` (the pair axis is free)
    in   patch_tokens  float32 [1, cell, dim]
         subject_overlap, object_overlap float32 [pair, cell]   share of a cell under the mask, 0..1
         boxes         float32 [pair, 8]              subject then object, xyxy in -1..1 of H, W
    out  forward_logits, backward_logits float32 [pair, 1 + predicate]   column 0 «no relation»
  A network that prunes has a free token axis, too, and is told which cells it gets:
    in   cells         int64   [pair, token]          a cell without overlap counts for nothing
         subject_overlap, object_overlap float32 [pair, token]
Stage `fused` (fixed shapes): both stages and the panoptic merge between them, on the mask grid, for
the `slot` best queries by class score. For processors on which a way to the host and back costs
more than pairs of empty slots. A slot without segment has `slot` (their number) in its place.
    in   image         uint8   [1, H, W, 3]           as above
         thresholds    float32 [2]                    score, overlap
         content_hw    int64   [2]                    cells of the mask grid that the image reaches
         row_edges     float32 [h + 1]                where the lines of the mask grid lie in the
         column_edges  float32 [w + 1]                image, in -1..1 of H, W, rising
    out  class_logits  float32 [slot, label + 1]      slots are in the order of the queries
         segment_of    int32   [slot]                 first slot of the same segment
         segment_map   uint8   [h, w]                 that of the slot that won the cell
         mask_logits   float32 [slot, h, w]
         forward_logits, backward_logits float32 [pair, 1 + predicate]
                       all pairs of slots (0, 1), (0, 2) ... (1, 2) ...
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from psg_ros.config import load_config
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.resources import share_path

MANIFEST_FILE = "manifest.yaml"
LABELS_FILE = "labels.yaml"
FORMAT = 1
STAGES = ("segmenter", "relations")
FUSED = "fused"
SCALINGS = ("area", "eomt", "transformers")


@dataclass(frozen=True)
class TensorSpec:
    """Name, numpy dtype name and shape of one tensor; an axis of -1 is free."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ArtifactSpec:
    """One ONNX file: its name inside the model folder, SHA-256 of its bytes, tensors."""

    file: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class Manifest:
    """Contents of `manifest.yaml`.

    Attributes:
        input_hw: network input size in px. Images are scaled to fit and padded right and bottom.
        mask_stride: input px per cell of the mask logits.
        grid_hw: cells of the relation stage.
        cell_px: input px per cell, (vertical, horizontal); what lies beyond the cells is unused.
        score_threshold, overlap_threshold, relation_threshold: recommended for this model.
        segmenter, relations, fused: the two artifacts, or the one in place of them.
        scaling: how images are scaled, one of `SCALINGS`; see `psg_ros.ops.image`.
    """

    format: int
    name: str
    description: str
    input_hw: tuple[int, int]
    mask_stride: int
    grid_hw: tuple[int, int]
    cell_px: tuple[int, int]
    score_threshold: float
    overlap_threshold: float
    relation_threshold: float
    segmenter: ArtifactSpec | None = None
    relations: ArtifactSpec | None = None
    fused: ArtifactSpec | None = None
    scaling: str = "area"

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"manifest format {self.format}, but this version reads {FORMAT}")
        if self.scaling not in SCALINGS:
            known = ", ".join(SCALINGS)
            raise ValueError(f"scaling must be one of {known}, not {self.scaling!r}")
        if self.scaling == "transformers" and len(set(self.input_hw)) > 1:
            raise ValueError(f"scaling transformers needs a square input, not {self.input_hw}")
        there = tuple(name for name in (*STAGES, FUSED) if getattr(self, name) is not None)
        if there not in (STAGES, (FUSED,)):
            raise ValueError(
                f"a model has the artifacts {' and '.join(STAGES)}, or {FUSED} alone, not "
                f"{', '.join(there) or 'none'}"
            )

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the artifacts, in the order in which they run."""
        return STAGES if self.fused is None else (FUSED,)

    def artifact(self, stage: str) -> ArtifactSpec:
        """Return the artifact of a stage.

        Raises:
            ValueError: the model does not have this stage.
        """
        spec: ArtifactSpec | None = getattr(self, stage)
        if spec is None:
            raise ValueError(f"{self.name} has no artifact {stage}, but {', '.join(self.stages)}")
        return spec


@dataclass(frozen=True)
class ModelFolder:
    """A checked model folder, ready to be opened by a backend."""

    path: Path
    manifest: Manifest
    vocabulary: Vocabulary = field(repr=False)

    def artifact_path(self, stage: str) -> Path:
        return self.path / self.manifest.artifact(stage).file


def find_model(model: str) -> Path:
    """Return the folder of a model given as a name below models/ or as a path.

    Raises:
        FileNotFoundError: neither; the message lists the models that are there.
    """
    shelf = share_path() / "models"
    for folder in (Path(model).expanduser(), shelf / model):
        if (folder / MANIFEST_FILE).is_file():
            return folder.resolve()
    there = sorted(p.parent.name for p in shelf.glob(f"*/{MANIFEST_FILE}"))
    raise FileNotFoundError(
        f"no model {model!r}: it is neither a folder with a {MANIFEST_FILE} nor one of the shipped "
        f"models {there}"
    )


def load_model_folder(model: str) -> ModelFolder:
    """Read and check a model folder: manifest, labels, presence and digest of every artifact.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ValueError: a damaged or foreign file; the message names it and what to do.
    """
    path = find_model(model)
    manifest = load_config(Manifest, path / MANIFEST_FILE)
    vocabulary = load_vocabulary(path / LABELS_FILE)
    for stage in manifest.stages:
        _check_artifact(path, manifest.artifact(stage))
    _check_vocabulary(path, manifest, vocabulary)
    return ModelFolder(path, manifest, vocabulary)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check_artifact(folder: Path, spec: ArtifactSpec) -> None:
    if Path(spec.file).name != spec.file:
        raise ValueError(f"{folder / MANIFEST_FILE}: {spec.file!r} must lie inside the folder")
    path = folder / spec.file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; the manifest beside it names it")
    actual = file_sha256(path)
    if actual != spec.sha256:
        raise ValueError(
            f"{path} is damaged or belongs to another manifest (SHA-256 {actual[:12]}..., the "
            f"manifest says {spec.sha256[:12]}...); copy the whole folder again or export again"
        )


def _check_vocabulary(folder: Path, manifest: Manifest, vocabulary: Vocabulary) -> None:
    first, last = manifest.stages[0], manifest.stages[-1]
    wanted = (
        (first, "class_logits", vocabulary.num_labels + 1, "labels and «no object»"),
        (last, "forward_logits", vocabulary.num_predicates + 1, "predicates, «no relation»"),
    )
    for stage, name, expected, what in wanted:
        outputs = {tensor.name: tensor for tensor in manifest.artifact(stage).outputs}
        if name not in outputs:
            raise ValueError(f"{folder / MANIFEST_FILE}: stage {stage} has no output {name!r}")
        found = outputs[name].shape[-1]
        if found != expected:
            raise ValueError(
                f"{folder}: {name} has {found} columns but {LABELS_FILE} needs {expected} ({what})"
            )
