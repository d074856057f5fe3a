# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relation scores -> probabilities, by a table per predicate that lies beside the model.

A score ranks well but says little by itself: 0.6 of one predicate may be right nine times in ten,
of another one time in three. `psg calibrate` measures that on annotated images and writes
`calibration.yaml`. Whatever it was fitted with, a table is a list of knots with straight lines
between them, so that the deployed part needs no more than `numpy.interp`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from psg_ros.files import write_text
from psg_ros.labels import Vocabulary
from psg_ros.setting_files import load_config

CALIBRATION_FILE = "calibration.yaml"
FORMAT = 1
_CURE = "run `psg calibrate` again or delete"


@dataclass(frozen=True)
class Curve:
    """Probability over score for one predicate.

    Attributes:
        predicate: its name.
        samples, positives: what it was fitted on: how often the predicate was listed, and how often
            rightly.
        scores: knots in 0..1, ascending.
        probabilities: at the knots, in 0..1, never falling; constant beyond the ends.

    Raises:
        ValueError: knots that do not form such a curve.
    """

    predicate: str
    samples: int
    positives: int
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        scores, probabilities = np.array(self.scores), np.array(self.probabilities)
        both = np.concatenate((scores, probabilities))
        if not len(scores) or len(scores) != len(probabilities):
            raise ValueError(
                f"curve of {self.predicate!r}: {len(scores)} scores for {len(probabilities)} "
                "probabilities; one each, at least one, is needed"
            )
        if not ((both >= 0) & (both <= 1)).all():  # NaN fails, too
            raise ValueError(f"curve of {self.predicate!r}: a knot outside 0 .. 1")
        if (np.diff(scores) <= 0).any() or (np.diff(probabilities) < 0).any():
            raise ValueError(
                f"curve of {self.predicate!r}: scores must rise and probabilities must not fall"
            )


@dataclass(frozen=True)
class Calibration:
    """The curves of one model; a predicate without a curve has no probability (NaN).

    Attributes:
        model_sha256: of the model it was fitted for; see `psg_ros.robot.manifest.model_sha256`.
        method: how it was fitted, for people.
        fitted_on: the data, for people. A relation counts as holding when it was annotated, so the
            probability is that of an annotator agreeing.
    """

    format: int
    model_sha256: str
    method: str
    fitted_on: str
    curves: tuple[Curve, ...]

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"calibration format {self.format}, but this version reads {FORMAT}")
        names = [curve.predicate for curve in self.curves]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"more than one curve for {sorted(twice)}")

    def renamed(self, names: Mapping[str, str]) -> Calibration:
        """Return the curves of some predicates, old name -> new name, without all others."""
        kept = (curve for curve in self.curves if curve.predicate in names)
        curves = tuple(
            dataclasses.replace(curve, predicate=names[curve.predicate]) for curve in kept
        )
        return dataclasses.replace(self, curves=curves)


class Calibrator:
    """Applies a calibration to predicate indices of a vocabulary; None stands for no calibration.

    Raises:
        ValueError: a curve for a predicate that the vocabulary does not have.
    """

    def __init__(self, calibration: Calibration | None, vocabulary: Vocabulary) -> None:
        curves = calibration.curves if calibration else ()
        names = [curve.predicate for curve in curves]
        try:
            indices = vocabulary.predicate_index(names)
        except KeyError as error:
            raise ValueError(
                f"{CALIBRATION_FILE} does not fit the model ({error.args[0]}); {_CURE} the file"
            ) from error
        self._curves = {
            index: (np.array(curve.scores), np.array(curve.probabilities))
            for index, curve in zip(indices, curves, strict=True)
        }

    def probabilities(self, predicates: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return float64 [relation] in 0..1, NaN where a predicate has no curve.

        Args:
            predicates: int64 [relation].
            scores: float64 [relation]; (1 - p0) * p_predicate.
        """
        result = np.full(len(scores), np.nan)
        for index, (knots, values) in self._curves.items():
            chosen = predicates == index
            result[chosen] = np.interp(scores[chosen], knots, values)
        return result


def save_calibration(calibration: Calibration, folder: Path) -> Path:
    """Write `calibration.yaml` into a model folder and return its path."""
    content = dataclasses.asdict(calibration)
    content["curves"] = [
        {name: list(value) if isinstance(value, tuple) else value for name, value in curve.items()}
        for curve in content["curves"]
    ]
    path = folder / CALIBRATION_FILE
    write_text(path, yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100))
    return path


def load_calibration(folder: Path, model_sha256: str) -> Calibration | None:
    """Read the calibration of a model folder, None when there is none.

    Raises:
        ValueError: a damaged file, or one that was fitted for other weights; names it and the cure.
    """
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    try:
        calibration = load_config(Calibration, path)
    except ValueError as error:
        raise ValueError(f"unusable calibration: {error}; {_CURE} {path}") from error
    if calibration.model_sha256 != model_sha256:
        raise ValueError(
            f"{path} was fitted for other weights ({calibration.model_sha256[:12]}..., the model "
            f"is {model_sha256[:12]}...); {_CURE} the file"
        )
    return calibration
