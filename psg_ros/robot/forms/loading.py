# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a model folder to its form."""

from __future__ import annotations

from psg_ros.robot.forms.form import Form
from psg_ros.robot.forms.fused import Fused
from psg_ros.robot.forms.segmenter_and_boxes import SegmenterAndBoxes
from psg_ros.robot.forms.segmenter_only import SegmenterOnly
from psg_ros.robot.forms.two_files import TwoFiles
from psg_ros.robot.manifest import ModelFolder, load_model_folder
from psg_ros.robot.runtime.backend import Backend

FORMS: dict[str, type[Form]] = {
    "two_files": TwoFiles,
    "fused": Fused,
    "segmenter_only": SegmenterOnly,
    "segmenter_and_boxes": SegmenterAndBoxes,
}
"""`form` in a manifest -> class."""


def load_model(model: str) -> ModelFolder:
    """Read and check a model folder; see `load_model_folder`.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ValueError: a damaged or foreign file, or artifacts that do not fit form or labels.
    """
    folder = load_model_folder(model)
    form_of(folder).check(folder)
    return folder


def make_form(folder: ModelFolder, *backends: Backend) -> Form:
    """Return the form of a folder over its opened artifacts, in the order of `Form.ARTIFACTS`."""
    return form_of(folder)(folder, *backends)


def form_of(folder: ModelFolder) -> type[Form]:
    """Return the class of a folder's form.

    Raises:
        ValueError: an unknown form, or artifacts other than it asks for.
    """
    manifest = folder.manifest
    if manifest.form not in FORMS:
        known = ", ".join(FORMS)
        raise ValueError(f"{folder.path}: form must be one of {known}, not {manifest.form!r}")
    form = FORMS[manifest.form]
    if set(manifest.artifacts) != set(form.ARTIFACTS):
        raise ValueError(
            f"{folder.path}: a model of form {manifest.form} has the artifacts "
            f"{' and '.join(form.ARTIFACTS)}, not {' and '.join(manifest.artifacts) or 'none'}"
        )
    return form
