# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teacher: whatever says which segments a picture has, and how sure it is of each."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.labelling.composite import CompositeTeacher
from psg_ros.labels import Vocabulary
from psg_ros.robot.forms.loading import FORMS
from psg_ros.robot.forms.segmenter_only import SegmenterOnly
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import SceneGraph


class Teacher(Protocol):
    """Labels pictures; use it from one thread at a time.

    Attributes:
        vocabulary: what its labels and predicates mean.
        model_name: how it is called in what it labels.
        identity: facts for JSON; equal for two teachers only if they say the same of every picture.
        relates: whether it finds relations.
    """

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def model_name(self) -> str: ...

    @property
    def identity(self) -> dict[str, Any]: ...

    @property
    def relates(self) -> bool: ...

    def __call__(self, image_rgb: np.ndarray) -> SceneGraph:
        """Return what an image uint8 [height, width, 3] RGB shows.

        Raises:
            ValueError: another dtype or shape, or no pixels.
        """
        ...

    def close(self) -> None:
        """Release the networks; may be called twice."""
        ...


class ModelTeacher:
    """A model folder as a teacher: what it says, whatever its scores."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.vocabulary = pipeline.vocabulary
        self.model_name = pipeline.model_name
        self.relates = FORMS[pipeline.manifest.form] is not SegmenterOnly
        settings = asdict(pipeline.config)
        for name in ("model", "backend", "threads"):
            del settings[name]  # the digest and the name in use say it better, or it matters not
        self.identity: dict[str, Any] = {
            "model": pipeline.model_sha256,
            "backend": pipeline.backend_name,
            **settings,
            "precision": pipeline.precision,
        }

    def __call__(self, image_rgb: np.ndarray) -> SceneGraph:
        """See `Teacher`."""
        return self._pipeline(Frame(image_rgb))

    def close(self) -> None:
        """See `Teacher`."""
        self._pipeline.close()


def open_teacher(
    teacher: str, config: PipelineConfig, *, nets: Path | None = None, careful: bool = True
) -> Teacher:
    """Open a model folder, or a composite teacher where a file is given.

    Args:
        teacher: as the model of `PipelineConfig`, or the path of a recipe.
        nets, careful: of a composite, see `CompositeTeacher`.

    Raises:
        FileNotFoundError: neither is there.
        ImportError: the backend's package is not installed.
        ValueError: a damaged model folder, recipe or network, or options that do not fit.
    """
    if is_recipe(teacher):
        path = Path(teacher).expanduser()
        return CompositeTeacher.open(path, config, nets=nets, careful=careful)
    return ModelTeacher(Pipeline.open(replace(config, model=teacher)))


def is_recipe(teacher: str) -> bool:
    """Whether the name of a teacher is that of a recipe, not of a model."""
    return Path(teacher).suffix in (".yaml", ".yml")
