# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Form: how the artifacts of a model turn an image into segments and scores of their pairs.

To add one, write a class with the members of `Form` and give it a line in `loading.FORMS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.forms.words import LABEL_WORDS, PREDICATE_WORDS, num_columns
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.runtime.backend import Backend
from psg_ros.scene_graph import RelationScores, Segmentation


@dataclass(frozen=True)
class MergeSettings:
    """How query masks become segments; see `psg_ros.robot.ops.panoptic.merge`."""

    score_threshold: float
    overlap_threshold: float
    resolution: str
    min_area: float = 0.0


class Segmented(Protocol):
    """Segments of one image, which know how to relate themselves.

    Valid until the form segments the next image: the arrays of the networks are not copied.
    """

    @property
    def segmentation(self) -> Segmentation:
        """The partition of the image."""
        ...

    def relate(self, regions: Regions, pairs: np.ndarray, clock: StepClock) -> RelationScores:
        """Score both directions of some pairs of segments, and of no others.

        Args:
            regions: boxes of the segments.
            pairs: int32 [pair, 2]; segment indices, the first smaller than the second.
            clock: gets the steps "regions" and "relations".
        """
        ...


class Form(Protocol):
    """A loaded model. Keeps buffers: use it from one thread at a time.

    Attributes:
        ARTIFACTS: names of the artifacts in the manifest, in the order in which they run.
        RELATES: whether it has learned relations; otherwise it scores no pairs.
    """

    ARTIFACTS: ClassVar[tuple[str, ...]]
    RELATES: ClassVar[bool]

    def __init__(self, folder: ModelFolder, *backends: Backend) -> None:
        """Use one opened backend per artifact."""

    @staticmethod
    def check(folder: ModelFolder) -> None:
        """Raise ValueError unless manifest and labels of a folder fit this form."""
        ...

    def send(self, raw: RawPicture) -> None:
        """Begin to copy an image to the device, for `segment` to find it there. Any thread.

        Where the host prepares images, nothing happens.
        """
        ...

    def segment(
        self,
        image_rgb: np.ndarray,
        settings: MergeSettings,
        clock: StepClock,
        raw: RawPicture | None = None,
    ) -> Segmented:
        """Find the segments of an image uint8 [height, width, 3], RGB.

        Args:
            clock: gets the steps "preprocess", "segmenter" and "merge".
            raw: the same image as it came from the camera, which some devices decode themselves.
        """
        ...

    def take_words(self, folder: ModelFolder) -> None:
        """Use another vocabulary from the next image on; the networks stay as they are.

        Args:
            folder: checked, of the same networks.

        Raises:
            ValueError: this model has a closed vocabulary.
        """
        ...

    def adopt(
        self, image_rgb: np.ndarray, segmentation: Segmentation, clock: StepClock
    ) -> Segmented:
        """Take segments from outside, of the image's size, in place of found ones.

        Raises:
            ValueError: this form relates no segments but its own.
        """
        ...


def check_columns(
    folder: ModelFolder, artifact: str, output: str, expected: int, what: str
) -> None:
    """Raise ValueError unless an output of an artifact has as many columns as the labels ask for.

    Args:
        what: what the columns stand for, for the message.
    """
    outputs = {tensor.name: tensor for tensor in folder.manifest.artifact(artifact).outputs}
    if output not in outputs:
        raise ValueError(f"{folder.path}: artifact {artifact} has no output {output!r}")
    found = outputs[output].shape[-1]
    if found != expected:
        raise ValueError(
            f"{folder.path}: {output} has {found} columns but the labels need {expected} ({what})"
        )


def check_class_columns(folder: ModelFolder, artifact: str) -> None:
    """Raise ValueError unless `class_logits` has a column per label and one for "no object"."""
    wanted = num_columns(folder, artifact, LABEL_WORDS, folder.vocabulary.label_names)
    check_columns(folder, artifact, "class_logits", wanted, 'labels and "no object"')


def check_relation_columns(folder: ModelFolder, artifact: str) -> None:
    """Raise ValueError unless both directions have a column per predicate and "no relation"."""
    wanted = num_columns(folder, artifact, PREDICATE_WORDS, folder.vocabulary.predicate_names)
    for output in ("forward_logits", "backward_logits"):
        check_columns(folder, artifact, output, wanted, 'predicates and "no relation"')
