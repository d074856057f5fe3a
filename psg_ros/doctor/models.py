# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Model folders: which lie on the shelf, and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from psg_ros.doctor.finding import Finding
from psg_ros.resources import model_shelves
from psg_ros.robot.forms import load_model
from psg_ros.robot.manifest import models_on


def examine_models() -> Iterator[Finding]:
    """Yield one finding for each shipped and each fetched model."""
    try:
        folders = [folder for shelf in model_shelves() for folder in models_on(shelf)]
    except FileNotFoundError:
        folders = []
    if not folders:
        cure = "psg export RUN models/demo, or --model FOLDER on every command"
        yield Finding("model", "models", "missing", "no model folder below models/", cure)
    for folder in folders:
        yield examine_model(folder)


def examine_model(folder: Path) -> Finding:
    """Check one model folder: manifest, labels, digests of the artifacts."""
    name = f"model {folder.name}"
    try:
        model = load_model(str(folder))
    except (FileNotFoundError, ValueError) as error:
        return Finding(
            "model", name, "broken", str(error), "copy the folder again, or export again"
        )
    twins = model.manifest.twins
    paths = [model.artifact_path(name) for name in model.manifest.artifacts]
    paths += [model.artifact_path(n, twin=kind) for kind in twins for n in twins[kind].files]
    size_mb = sum(path.stat().st_size for path in paths) / 1e6
    height, width = model.manifest.input_hw
    vocabulary = model.vocabulary
    detail = (
        f"{size_mb:.1f} MB, {width}x{height} px, {vocabulary.num_labels} classes, "
        f"{vocabulary.num_predicates} predicates{''.join(f', {kind} too' for kind in twins)}"
    )
    return Finding("model", name, "ok", detail)
