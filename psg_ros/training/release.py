# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run -> a model folder: ONNX files, labels and the manifest that joins them."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
import yaml

from psg_ros.backend_table import TWINS
from psg_ros.config import RECOMMENDED, Recommendation
from psg_ros.file_digest import file_sha256
from psg_ros.files import scratch_beside
from psg_ros.labels import Vocabulary, load_vocabulary, phrase, shipped_vocabularies
from psg_ros.network import export
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.half_precision import to_half
from psg_ros.network.half_weights import halve
from psg_ros.network.segmenter_config import SegmenterConfig
from psg_ros.network.twins import twin_name
from psg_ros.network.word_scores import GAINS, word_scores
from psg_ros.resources import share_path
from psg_ros.robot.calibration import CALIBRATION_FILE
from psg_ros.robot.manifest import (
    FORMAT,
    LABELS_FILE,
    MANIFEST_FILE,
    ArtifactSpec,
    Manifest,
)
from psg_ros.text.lexicon import load_lexicon, ways_to_mean
from psg_ros.text.whitening import whitening_of, word_vectors
from psg_ros.training.train import load_run
from psg_ros.word_senses import Senses
from psg_ros.word_table import WORDS_FILE, GainCost, WordTable, write_table

SEGMENTER_FILE, RELATIONS_FILE, FUSED_FILE = "segmenter.onnx", "relations.onnx", "fused.onnx"


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which files a model folder gets, and how they store weights.

    Attributes:
        form: a name of `psg_ros.robot.forms.FORMS`.
        slots: at most this many segments; only of the form `fused`.
        half: store weights in float16, see `psg_ros.network.half_weights`.
        precision: what products are computed in; see `psg_ros.network.half_precision`.
    """

    form: str = "two_files"
    slots: int = 0
    half: bool = False
    precision: str = "fp32"


TWO_FILES = Layout()


@dataclasses.dataclass(frozen=True)
class Switches:
    """Settings that need no other weights: they may differ from those of the training.

    Attributes:
        prune: as in `RelationConfig`; None keeps the model's, here and below.
        merge_ratio: as in `EomtConfig`.
        aggregation, deformable: as in `YosoConfig`.
    """

    prune: bool | None = None
    merge_ratio: float | None = None
    aggregation: str | None = None
    deformable: str | None = None


AS_TRAINED = Switches()


def export_model(
    run_dir: Path,
    out: Path,
    thresholds: Recommendation = RECOMMENDED,
    switches: Switches = AS_TRAINED,
    layout: Layout = TWO_FILES,
) -> Path:
    """Write a model folder from a run folder of `psg train`; see `load_run`.

    Raises:
        FileNotFoundError: no run folder, or a stage that the form needs has no weights yet.
        ValueError: a switch or a number of segments is out of range; weights that do not fit.
    """
    model, config, _ = load_run(run_dir, with_relations=layout.form != "segmenter_only")
    return release(switched(model, switches), config.labels, out, thresholds, layout)


def switched(model: DsFlash, switches: Switches) -> DsFlash:
    """Return a network of the same weights with other switches; its description says so.

    Raises:
        ValueError: a switch is out of range, or one that the segmenter has not.
    """
    config, changed = model.config, []
    for name in (field.name for field in dataclasses.fields(Switches)):
        stage = "relations" if name == "prune" else "segmenter"
        part, new = getattr(config, stage), getattr(switches, name)
        if new is None:
            continue
        if stage == "segmenter":
            check_switch(part, name, new)
        if new != (old := getattr(part, name)):
            changed.append(f"{name} {new} instead of {old}")
            config = dataclasses.replace(
                config, **{stage: dataclasses.replace(part, **{name: new})}
            )
    if not changed:
        return model
    told = ", ".join(changed)
    sentences = config.description.rstrip(". "), f"Exported, unlike trained, with {told}."
    config = dataclasses.replace(config, description=". ".join(filter(None, sentences)))
    other = build_dsflash(config, *sizes(model)).eval()
    other.load_state_dict(model.state_dict())
    return other


def check_switch(segmenter: SegmenterConfig, name: str, value: Any) -> None:
    """Raise ValueError for a switch that the segmenter has not, or a value out of range."""
    if name not in segmenter.switches:
        raise ValueError(f"the segmenter {segmenter.type} has no {name} to change")
    dataclasses.replace(segmenter, **{name: value})


def sizes(model: DsFlash) -> tuple[int, int]:
    """Return how many labels and predicates a network knows."""
    return model.segmenter.num_labels, model.relations.head.num_predicates


def release(
    model: DsFlash, labels: str, out: Path, thresholds: Recommendation, layout: Layout = TWO_FILES
) -> Path:
    """Write a model folder of a network: all of its files or, after an error, none.

    The model has the folder's name, by which users call it. That of the network would be shared by
    all that are trained with the same sizes. Files that are in `out` already and not part of a
    model (its README, pictures) stay.

    Raises:
        FileExistsError: `out` is a file.
    """
    of_other_weights = {SEGMENTER_FILE, RELATIONS_FILE, FUSED_FILE, CALIBRATION_FILE}
    of_other_weights |= {WORDS_FILE, *(twin_name(SEGMENTER_FILE, kind) for kind in TWINS)}
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; a model is a folder, so choose another name")
    with scratch_beside(out) as folder:
        write_folder(model, labels, folder, thresholds, layout, name=out.resolve().name)
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
    thresholds: Recommendation,
    layout: Layout = TWO_FILES,
    *,
    name: str = "",
) -> None:
    """Export a network into an existing folder and describe it.

    Args:
        labels: a file of config/labels, without its ending, or the path of such a .yaml file.
        name: what the model is called; empty: as the network.
    """
    is_path = labels.endswith(".yaml")
    labels_path = Path(labels if is_path else share_path() / "config" / "labels" / f"{labels}.yaml")
    if layout.form == "fused":
        files = {"fused": FUSED_FILE}
        is_thing = [label.is_thing for label in load_vocabulary(labels_path).labels]
        export.export_fused(model, str(folder / FUSED_FILE), is_thing, layout.slots)
    elif layout.form == "segmenter_only":
        files = {"segmenter": SEGMENTER_FILE}
        export.export_segments(model, str(folder / SEGMENTER_FILE))
    else:
        files = {"segmenter": SEGMENTER_FILE, "relations": RELATIONS_FILE}
        export.export_segmenter(model, str(folder / SEGMENTER_FILE))
        export.export_relations(model, str(folder / RELATIONS_FILE))
    for file in files.values() if layout.half else ():
        halve(folder / file)
    for file in files.values() if layout.precision == "fp16" else ():
        to_half(folder / file)
    shutil.copyfile(labels_path, folder / LABELS_FILE)
    words = write_words(model, labels_path, folder)
    greatest = greatest_axes(model)
    artifacts = {name: describe_artifact(folder / file, greatest) for name, file in files.items()}
    if layout.precision != ArtifactSpec.precision:
        artifacts = {n: facts | {"precision": layout.precision} for n, facts in artifacts.items()}
    manifest = describe_network(model, thresholds, layout.form) | {"artifacts": artifacts} | words
    manifest["name"] = name or manifest["name"]
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")


def write_words(model: DsFlash, labels_path: Path, folder: Path) -> dict[str, Any]:
    """Write the table of words of a network that compares with them; returns its manifest entry.

    All words of the vocabularies that ship are in it, too: robots take those without an encoder.
    """
    encoder = text_encoder(model)
    if not encoder:
        return {}
    vocabularies = [load_vocabulary(labels_path), *map(load_vocabulary, shipped_vocabularies())]
    phrases = list(
        dict.fromkeys(
            phrase(name)
            for vocabulary in vocabularies
            for name in (*vocabulary.label_names, *vocabulary.predicate_names)
        )
    )
    vectors = word_vectors(encoder, phrases)
    table = WordTable(
        encoder, tuple(phrases), vectors, whitening_of(encoder), *senses_of(model, vocabularies[0])
    )
    if (scores := word_scores(model.relations)) is not None:
        table = dataclasses.replace(
            table, found_gain=float(scores.gain), gain_costs=costs_of(scores.shares)
        )
    write_table(table, folder / WORDS_FILE)
    digest = file_sha256(folder / WORDS_FILE)
    return {"words": {"file": WORDS_FILE, "sha256": digest, "encoder": encoder}}


def costs_of(shares: torch.Tensor) -> tuple[GainCost, ...]:
    """Return what training has measured of each gain; nothing if it has not."""
    rows = zip(GAINS, shares.tolist(), strict=True)
    return tuple(GainCost(gain, *found) for gain, found in rows if not math.isnan(found[0]))


def senses_of(model: DsFlash, vocabulary: Vocabulary) -> tuple[Senses, Senses]:
    """Return what the training has seen of labels and predicates; nothing of a closed list."""
    lexicon, found = load_lexicon(), []
    for stage, names, others in (
        (model.segmenter, vocabulary.label_names, lexicon.classes),
        (model.relations, vocabulary.predicate_names, lexicon.predicates),
    ):
        scores = word_scores(stage)
        seen = [] if scores is None else scores.taught.tolist()
        taught = frozenset(
            phrase(name) for name, known in zip(names, seen, strict=scores is not None) if known
        )
        found.append(Senses(taught, ways_to_mean(others, taught)))
    return found[0], found[1]


def text_encoder(model: DsFlash) -> str:
    """Return the text encoder of a network; empty where its lists are closed.

    Raises:
        ValueError: its two stages have different ones; a model has one table of words.
    """
    stages = (model.config.segmenter, model.config.relations)
    names = {stage.text_encoder for stage in stages if stage.text_encoder}
    if len(names) > 1:
        raise ValueError(
            f"segmenter and relations need the same text_encoder, not {' and '.join(sorted(names))}"
        )
    return names.pop() if names else ""


def describe_network(
    model: DsFlash, thresholds: Recommendation, form: str = TWO_FILES.form
) -> dict[str, Any]:
    """Return what the manifest stores of a network, apart from its artifacts."""
    facts = {
        "format": FORMAT,
        "name": model.config.name,
        "description": model.config.description,
        "form": form,
        "input_hw": list(model.config.segmenter.input_hw),
        "mask_stride": model.config.segmenter.mask_stride,
        "score_threshold": thresholds.score,
        "overlap_threshold": thresholds.overlap,
        "relation_threshold": thresholds.relation,
    }
    if form != "segmenter_only":
        facts["grid_hw"] = list(model.relations.grid_hw)
        facts["cell_px"] = list(model.relations.cell_px)
    unusual = {
        "scaling": model.config.scaling,
        "backend": model.config.segmenter.export_needs.backend,
        "relation_source": thresholds.relation_source,
    }
    return facts | {name: v for name, v in unusual.items() if v != getattr(Manifest, name)}


def greatest_axes(model: DsFlash) -> dict[str, int]:
    """Return the maximum of every free axis: a pair for any two queries, a token for any cell."""
    pairs = math.comb(model.config.segmenter.num_queries, 2)
    rows, columns = model.relations.grid_hw
    return {"pair": max(1, pairs), "token": rows * columns}


def describe_artifact(path: Path, greatest: Mapping[str, int]) -> dict[str, Any]:
    """Return name, digest and tensors of an ONNX file as the manifest stores them.

    Args:
        greatest: maximum of each free axis, by its name in the file.
    """
    graph = onnx.load(str(path), load_external_data=False).graph
    inputs, outputs = (
        [describe_tensor(value, greatest) for value in values]
        for values in (graph.input, graph.output)
    )
    return describe_file(path, inputs, outputs)


def describe_file(path: Path, inputs: list[dict], outputs: list[dict]) -> dict[str, Any]:
    """Return name, digest and tensors of a file as the manifest stores them."""
    digest = file_sha256(path)
    return {"file": path.name, "sha256": digest, "inputs": inputs, "outputs": outputs}


def describe_tensor(value: onnx.ValueInfoProto, greatest: Mapping[str, int]) -> dict[str, Any]:
    """Return one tensor as the manifest stores it."""
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    axes = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in tensor.shape.dim]
    shape = [-1 if isinstance(axis, str) else axis for axis in axes]
    facts = {"name": value.name, "dtype": dtype, "shape": shape}
    if -1 not in shape:
        return facts
    return facts | {"maximum": [greatest[a] if isinstance(a, str) else a for a in axes]}
