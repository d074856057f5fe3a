# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the figures of a report come from: which model, with which settings, on which images.

An origin is text by name, in the order of the report. `broken_images` and `unlabelled_images` say
how many images of the split were left out, because their entry or a file cannot be read, or because
the annotation file lists them without labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from psg_ros.config import TRACKING_SETTINGS
from psg_ros.data.dataset import PanopticDataset
from psg_ros.robot.pipeline import Pipeline
from psg_ros.setting_fields import MODEL_THRESHOLD

LEFT_OUT = {"broken_images": "broken", "unlabelled_images": "without labels"}
DECISIVE = {
    "merge_resolution": "masks merged at",
    "precision": "arithmetic",
    "scaling": "image scaling",
}
"""Facts of a model that every report names, and what they are for people."""
NOT_SAID = "not said"
"""What stands in their place where a results folder does not tell."""


def describe_model(pipeline: Pipeline) -> dict[str, str]:
    """Return name, digest and backend of a model, and the settings its figures depend on.

    Thresholds and precision are those in force, never "the model's own" or "auto".
    """
    config = pipeline.config
    facts = {
        "name": pipeline.model_name,
        "model_sha256": pipeline.model_sha256,
        "backend": pipeline.backend_name,
        "device": pipeline.device,
        "precision": pipeline.precision,
        "scaling": pipeline.manifest.scaling,
    }
    for field in fields(config):
        if not field.metadata["fixed"] and field.name not in TRACKING_SETTINGS:
            value = getattr(config, field.name)
            is_models = field.metadata["from_model"] and value == MODEL_THRESHOLD
            used = getattr(pipeline.manifest, field.name) if is_models else value
            facts[field.name] = ", ".join(map(str, used)) if isinstance(used, tuple) else str(used)
    return facts


def describe_origin(
    model: Mapping[str, str], data: Path, dataset: PanopticDataset, limit: int | None = None
) -> dict[str, str]:
    """Return the origin of a report.

    Args:
        model: `describe_model`, or what a results folder says in its place.
        data: what the user calls the data set.
        limit: only so many images were judged, from the first on.
    """
    facts = {**dict.fromkeys(DECISIVE, NOT_SAID), **model}
    broken, unlabelled = len(dataset.skipped), dataset.num_missing
    return {
        "model": facts.pop("name", "unnamed"),
        **facts,
        "data": str(data),
        "split": dataset.split,
        "images": _count(len(dataset), len(dataset) + broken + unlabelled, limit),
        "annotations_sha256": dataset.fingerprint["sha256"],
        "broken_images": str(broken),
        "unlabelled_images": str(unlabelled),
    }


def settings_line(origin: Mapping[str, str]) -> str:
    """Return in one line for people with which of the settings in `DECISIVE` a model ran."""
    return ", ".join(f"{what} {origin.get(name, NOT_SAID)}" for name, what in DECISIVE.items())


def coverage_notes(origin: Mapping[str, str]) -> list[str]:
    """Return sentences on why the figures are not those of the whole split, for people."""
    notes = []
    if origin.get("images", "").startswith("the first"):
        notes.append(f"Only {origin['images']} images: a quick look, not a result to compare.")
    left_out = [f"{origin[k]} {why}" for k, why in LEFT_OUT.items() if origin.get(k, "0") != "0"]
    if left_out:
        notes.append(f"Images left out: {', '.join(left_out)}. Not a result to compare.")
    return notes


def _count(available: int, total: int, limit: int | None) -> str:
    if limit is not None and limit < available:
        return f"the first {limit} of {total}"
    return f"all {total}" if available == total else f"{available} of {total}"
