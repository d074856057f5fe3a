# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Manifest: all that the runtime knows of a model folder.

A model folder holds `manifest.yaml`, `labels.yaml` and the ONNX files that its form asks for; each
module of `psg_ros.robot.forms` says which, with their tensors. The runtime knows neither network
nor training code: a new segmenter is a new folder.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from psg_ros.backend_table import AUTO, TWINS, backend_choices
from psg_ros.config import RELATION_SOURCES
from psg_ros.file_digest import file_sha256
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.public_models import load_table
from psg_ros.quoting import listed
from psg_ros.resources import model_shelves
from psg_ros.setting_files import config_from_dict, read_mapping
from psg_ros.word_table import WordTable, read_table

MANIFEST_FILE = "manifest.yaml"
LABELS_FILE = "labels.yaml"
RUN_FILE = "train.yaml"
"""What a run folder of `psg train` has in the place of a manifest."""

FORMAT = 2
OPEN_CURE = "only models trained with text_encoder take other words (docs/open_vocabulary.md)"
SCALINGS = ("area", "eomt", "transformers", "lightly_train")


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of an artifact.

    Attributes:
        dtype: numpy's name.
        shape: an axis of -1 is free.
        maximum: the greatest shape, where an axis is free: what an engine is built for, and nothing
            larger is ever passed. Empty where none is free, or for a file's own declaration.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    maximum: tuple[int, ...] = ()

    @property
    def greatest(self) -> tuple[int, ...]:
        """The greatest shape."""
        return self.maximum or self.shape

    def check_maximum(self) -> None:
        """Raise ValueError unless every free axis has a maximum, and only those differ from it."""
        pairs = tuple(zip(self.shape, self.greatest, strict=False))
        fits = len(self.shape) == len(self.greatest) and all(
            high > 0 and size in (-1, high) for size, high in pairs
        )
        if not fits:
            raise ValueError(
                f"tensor {self.name} of shape {list(self.shape)} needs a maximum: the same shape "
                f"with a number in place of each -1, not {list(self.maximum)}"
            )


FILE_PRECISIONS = ("fp32", "fp16")
"""What `psg export` writes files in."""


@dataclass(frozen=True)
class ArtifactSpec:
    """One ONNX file: its name inside the model folder, SHA-256 of its bytes, tensors.

    Attributes:
        precision: the types that its products are written in; what a backend makes of them is its
            own affair, but for TensorRT.
        twin: "int8" or "fp8" of a twin, whose products with weights are computed so; `precision` is
            that of the rest. Empty of what was exported.
    """

    file: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precision: str = "fp32"
    twin: str = ""

    def __post_init__(self) -> None:
        if self.precision not in FILE_PRECISIONS:
            raise ValueError(
                f"precision of {self.file} must be one of {', '.join(FILE_PRECISIONS)}, not "
                f"{self.precision!r}"
            )


@dataclass(frozen=True)
class BoxRelations:
    """What the numbers mean that a network of boxes and their relations gives.

    Attributes:
        labels, predicates: names of the numbers 1, 2, ...
        min_iou: overlap of a box with that of a segment from which on they may be the same thing.
    """

    labels: tuple[str, ...]
    predicates: tuple[str, ...]
    min_iou: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.min_iou <= 1:
            raise ValueError(f"min_iou must be above 0 and at most 1, not {self.min_iou}")


@dataclass(frozen=True)
class TwinFile:
    """The twin of an artifact: same tensors, another file."""

    file: str
    sha256: str


@dataclass(frozen=True)
class TwinLoss:
    """Percentage points lost against what was exported, negative where it gained.

    Attributes:
        mean_recall: of mR@50; None for a model without relations.
    """

    pq: float
    mean_recall: float | None = None


@dataclass(frozen=True)
class Twins:
    """A second form of some artifacts, whose products with weights are computed in eight bits.

    `psg quantize` makes it; see `psg_ros.network.twins`.

    Attributes:
        files: artifact -> its twin. What is not named is used as it is.
        losses: backend that ran both files, with fp32 around the eight bits -> what was lost.
        made_by: the command that made and measured it.
    """

    files: dict[str, TwinFile]
    losses: dict[str, TwinLoss] = field(default_factory=dict)
    made_by: str = ""


@dataclass(frozen=True)
class WordsFile:
    """The table of words of a model that compares with them, see `psg_ros.word_table`.

    Attributes:
        encoder: which text encoder the networks were trained with.
    """

    file: str
    sha256: str
    encoder: str


@dataclass(frozen=True)
class Manifest:
    """Contents of `manifest.yaml`.

    Attributes:
        form: how the artifacts work together, a name of `psg_ros.robot.forms.FORMS`.
        input_hw: network input size in px. Images are scaled to fit and padded right and bottom.
        mask_stride: input px per cell of the mask logits.
        score_threshold, overlap_threshold, relation_threshold: recommended for this model.
        artifacts: by name; the form says which.
        grid_hw: cells of the relation stage; None where there is none.
        cell_px: input px per cell, (vertical, horizontal); what lies beyond the cells is unused.
        scaling: how images are scaled, one of `SCALINGS`; see `psg_ros.robot.ops.image`.
        backend: what runs it where the user leaves the choice; "auto" where every backend can.
        relation_source: what relates segments where the user leaves the choice, see
            `PipelineConfig`; "auto" is a learned stage, or geometry where there is none.
        box_relations: of the form `segmenter_and_boxes`; None for others.
        int8, fp8: second forms of the artifacts, see `Twins`; None where there is none.
        words: vectors of the labels and predicates; None of a model whose lists are closed.
    """

    format: int
    name: str
    description: str
    form: str
    input_hw: tuple[int, int]
    mask_stride: int
    score_threshold: float
    overlap_threshold: float
    relation_threshold: float
    artifacts: dict[str, ArtifactSpec]
    grid_hw: tuple[int, int] | None = None
    cell_px: tuple[int, int] | None = None
    scaling: str = "area"
    backend: str = AUTO
    relation_source: str = AUTO
    box_relations: BoxRelations | None = None
    int8: Twins | None = None
    fp8: Twins | None = None
    words: WordsFile | None = None

    def __post_init__(self) -> None:
        if self.scaling not in SCALINGS:
            known = ", ".join(SCALINGS)
            raise ValueError(f"scaling must be one of {known}, not {self.scaling!r}")
        if self.scaling == "transformers" and len(set(self.input_hw)) > 1:
            raise ValueError(f"scaling transformers needs a square input, not {self.input_hw}")
        if self.backend not in backend_choices():
            known = ", ".join(backend_choices())
            raise ValueError(f"backend must be one of {known}, not {self.backend!r}")
        if self.relation_source not in RELATION_SOURCES:
            known = ", ".join(RELATION_SOURCES)
            raise ValueError(
                f"relation_source must be one of {known}, not {self.relation_source!r}"
            )
        for spec in self.artifacts.values():
            for tensor in (*spec.inputs, *spec.outputs):
                tensor.check_maximum()

        for kind, twins in self.twins.items():
            if strangers := sorted(set(twins.files) - set(self.artifacts)):
                raise ValueError(
                    f"{kind} has files of {', '.join(strangers)}, which are no artifacts"
                )

    @property
    def twins(self) -> dict[str, Twins]:
        """Second forms of the artifacts that are there, by kind."""
        found = {kind: getattr(self, kind) for kind in TWINS}
        return {kind: twins for kind, twins in found.items() if twins is not None}

    def artifact(self, name: str, *, twin: str = "") -> ArtifactSpec:
        """Return an artifact by its name.

        Args:
            twin: one of `TWINS`: its twin of that kind, where it has one.

        Raises:
            ValueError: the model does not have it.
        """
        if name not in self.artifacts:
            there = ", ".join(self.artifacts)
            raise ValueError(f"{self.name} has no artifact {name}, but {there}")
        spec = self.artifacts[name]
        if twin not in self.twins or name not in self.twins[twin].files:
            return spec
        file = self.twins[twin].files[name]
        return replace(spec, file=file.file, sha256=file.sha256, twin=twin)


@dataclass(frozen=True)
class ModelFolder:
    """A checked model folder, ready to be opened by a backend."""

    path: Path
    manifest: Manifest
    vocabulary: Vocabulary = field(repr=False)
    words: WordTable | None = field(default=None, repr=False)

    def artifact_path(self, artifact: str, *, twin: str = "") -> Path:
        return self.path / self.manifest.artifact(artifact, twin=twin).file


def find_model(model: str) -> Path:
    """Return the folder of a model given as a path or as the name of a shipped or fetched one.

    Raises:
        FileNotFoundError: neither; the message lists the models that are there, or says how to get
            a public one.
    """
    shelves = model_shelves()
    if is_run_folder(Path(model)):
        raise FileNotFoundError(
            f"{model} is a run folder of psg train, expected a model folder: make one with psg "
            "export; the node, predict, evaluate, bag and benchmark --stages also take it as it "
            "is, with backend torch"
        )
    for folder in (Path(model).expanduser(), *(shelf / model for shelf in shelves)):
        if (folder / MANIFEST_FILE).is_file():
            return folder.resolve()
    if model in load_table().models:
        raise FileNotFoundError(
            f"the public model {model!r} is not on this machine; fetch it with: psg models get "
            f"{model}"
        )
    there = [folder.name for shelf in shelves for folder in models_on(shelf)]
    raise FileNotFoundError(
        f"no model {model!r}: it is neither a folder with a {MANIFEST_FILE} nor one of the models "
        f"here ({listed(there)}); `psg models list` shows what can be fetched"
    )


def is_run_folder(path: Path) -> bool:
    """Return whether this is a folder that `psg train` writes, and no model folder."""
    folder = path.expanduser()
    return (folder / RUN_FILE).is_file() and not (folder / MANIFEST_FILE).is_file()


def models_on(shelf: Path) -> list[Path]:
    """Return the model folders directly below a folder, in the order of their names."""
    return sorted(path.parent for path in shelf.glob(f"*/{MANIFEST_FILE}"))


def load_model_folder(model: str) -> ModelFolder:
    """Read and check a model folder: manifest, labels, presence and digest of every artifact.

    Whether they fit the form of the model is for `psg_ros.robot.forms.load_model` to say.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ValueError: a damaged or foreign file; the message names it and what to do.
    """
    path = find_model(model)
    manifest = read_manifest(path / MANIFEST_FILE)
    vocabulary = load_vocabulary(path / LABELS_FILE)
    for spec in manifest.artifacts.values():
        _check_file(path, spec.file, spec.sha256)
    for twins in manifest.twins.values():
        for twin in twins.files.values():
            _check_file(path, twin.file, twin.sha256)
    return ModelFolder(path, manifest, vocabulary, _read_words(path, manifest))


def reread_words(folder: ModelFolder) -> ModelFolder:
    """Return a folder with the vocabulary that its files hold now, without reading the networks.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a damaged file; a model whose lists are closed; or other networks than before.
    """
    path = folder.path
    if is_run_folder(path):
        raise ValueError(f"{path} is a run folder, whose words stay; export it to offer others")
    manifest = read_manifest(path / MANIFEST_FILE)
    if manifest.artifacts != folder.manifest.artifacts:
        raise ValueError(
            f"the networks in {path} are not those that are loaded; configure the node again"
        )
    words = _read_words(path, manifest)
    if words is None:
        raise ValueError(f"the model {manifest.name} has a closed vocabulary; {OPEN_CURE}")
    return ModelFolder(path, manifest, load_vocabulary(path / LABELS_FILE), words)


def _read_words(path: Path, manifest: Manifest) -> WordTable | None:
    if manifest.words is None:
        return None
    _check_file(path, manifest.words.file, manifest.words.sha256)
    table = read_table(path / manifest.words.file)
    if table.encoder != manifest.words.encoder:
        raise ValueError(
            f"{path / manifest.words.file} is of the text encoder {table.encoder}, the networks "
            f"were trained with {manifest.words.encoder}"
        )
    return table


def read_manifest(path: Path) -> Manifest:
    """Read `manifest.yaml`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: of another format, or damaged; names the file.
    """
    values = read_mapping(path)
    if values.get("format") != FORMAT:
        raise ValueError(
            f"{path}: manifest format {values.get('format')!r}, but this version reads {FORMAT}; "
            "export the model again"
        )
    return config_from_dict(Manifest, values, str(path))


def _check_file(folder: Path, file: str, sha256: str) -> None:
    if Path(file).name != file:
        raise ValueError(f"{folder / MANIFEST_FILE}: {file!r} must lie inside the folder")
    path = folder / file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; the manifest beside it names it")
    actual = file_sha256(path)
    if actual != sha256:
        raise ValueError(
            f"{path} is damaged or belongs to another manifest (SHA-256 {actual[:12]}..., the "
            f"manifest says {sha256[:12]}...); copy the whole folder again or export again"
        )


def model_sha256(manifest: Manifest) -> str:
    """Return one digest for a model: SHA-256 over those of its artifacts, by their names."""
    digests = "".join(spec.sha256 for _, spec in sorted(manifest.artifacts.items()))
    return hashlib.sha256(digests.encode()).hexdigest()
