# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of probabilities: what they say, what they refuse, and how they reach a relation."""

from __future__ import annotations

import dataclasses
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_model import paint

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.graph_files import graph_record
from psg_ros.labels import Predicate, Vocabulary
from psg_ros.robot.calibration import (
    Calibration,
    Calibrator,
    Curve,
    load_calibration,
    save_calibration,
)
from psg_ros.robot.manifest import load_model_folder, model_sha256
from psg_ros.robot.pipeline import Pipeline

VOCABULARY = Vocabulary((), tuple(map(Predicate, ("over", "on", "beside"))))
CURVE = Curve("on", 40, 30, (0.2, 0.6), (0.1, 0.9))
CALIBRATION = Calibration(1, "ab" * 32, "isotonic", "a test", (CURVE,))
SCENE = {"red": (16, 64, 112, 160), "blue": (200, 64, 296, 160)}


def test_between_knots_runs_a_line_and_beyond_them_nothing_changes():
    scores = np.array([0.0, 0.2, 0.4, 0.6, 1.0])
    found = Calibrator(CALIBRATION, VOCABULARY).probabilities(np.full(5, 1), scores)
    np.testing.assert_allclose(found, [0.1, 0.1, 0.5, 0.9, 0.9])


def test_a_predicate_without_a_curve_has_no_probability():
    found = Calibrator(CALIBRATION, VOCABULARY).probabilities(np.array([0, 1, 2]), np.full(3, 0.6))
    np.testing.assert_array_equal(np.isnan(found), [True, False, True])


def test_without_a_calibration_there_is_no_probability():
    found = Calibrator(None, VOCABULARY).probabilities(np.array([1]), np.array([0.6]))
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("scores", "probabilities", "message"),
    [
        ((0.2, 0.6), (0.1,), "one each"),
        ((), (), "one each"),
        ((0.2, 1.6), (0.1, 0.2), "outside"),
        ((0.2, math.nan), (0.1, 0.2), "outside"),
        ((0.6, 0.2), (0.1, 0.2), "must rise"),
        ((0.2, 0.2), (0.1, 0.2), "must rise"),
        ((0.2, 0.6), (0.3, 0.2), "must not fall"),
    ],
)
def test_knots_that_are_no_curve_are_refused(scores, probabilities, message):
    with pytest.raises(ValueError, match=message):
        Curve("on", 1, 1, scores, probabilities)


def test_two_curves_for_one_predicate_are_refused():
    with pytest.raises(ValueError, match="more than one curve for .'on'"):
        dataclasses.replace(CALIBRATION, curves=(CURVE, CURVE))


def test_a_curve_for_an_unknown_predicate_is_refused():
    odd = dataclasses.replace(CALIBRATION, curves=(dataclasses.replace(CURVE, predicate="onn"),))
    with pytest.raises(ValueError, match="onn.*psg calibrate"):
        Calibrator(odd, VOCABULARY)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path):
    save_calibration(CALIBRATION, tmp_path)
    assert load_calibration(tmp_path, CALIBRATION.model_sha256) == CALIBRATION


def test_a_model_without_the_file_has_no_calibration(tmp_path: Path):
    assert load_calibration(tmp_path, "00" * 32) is None


def test_a_calibration_of_other_weights_is_refused(tmp_path: Path):
    save_calibration(CALIBRATION, tmp_path)
    with pytest.raises(ValueError, match="fitted for other weights.*psg calibrate"):
        load_calibration(tmp_path, "00" * 32)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("format: 1\ncurves: [", "not YAML"),
        ("format: 2", "missing"),
        (
            "{format: 1, model_sha256: ab, method: m, fitted_on: f, curves: [{predicate: over, "
            "samples: 9, positives: 9, scores: [0.5], probabilities: [1.5]}]}",
            "a knot outside",
        ),
    ],
)
def test_a_damaged_calibration_is_refused_with_its_cure(tmp_path: Path, content, reason):
    (tmp_path / "calibration.yaml").write_text(content)
    cure = f"run `psg calibrate` again or delete {re.escape(str(tmp_path / 'calibration.yaml'))}"
    with pytest.raises(ValueError, match=f"(?s)unusable calibration: .*{reason}.*; {cure}"):
        load_calibration(tmp_path, "00" * 32)


def test_a_model_opens_beside_a_calibration_of_other_weights_only_when_told_to_ignore_it(
    tiny_model: Path, tmp_path: Path
):
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    save_calibration(CALIBRATION, model)
    config = PipelineConfig(str(model), relation_threshold=0.0)
    with pytest.raises(ValueError, match="fitted for other weights"):
        Pipeline.open(config)
    with Pipeline.open(config, calibrated=False) as pipeline:
        graph = pipeline(Frame(paint((240, 320), SCENE)))
    assert graph.relations and all(math.isnan(r.probability) for r in graph.relations)


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="format 2"):
        dataclasses.replace(CALIBRATION, format=2)


def test_relations_of_a_calibrated_model_carry_probabilities_and_are_sorted_by_them(
    tiny_model: Path, tmp_path: Path
):
    model = Path(shutil.copytree(tiny_model, tmp_path / "calibrated"))
    digest = model_sha256(load_model_folder(str(model)).manifest)
    # "left of" is made unlikely: it must fall behind "right of", whatever the scores say.
    curves = (
        Curve("left of", 9, 9, (0.0, 1.0), (0.0, 0.1)),
        Curve("right of", 9, 9, (0.0, 1.0), (0.5, 0.9)),
    )
    save_calibration(Calibration(1, digest, "isotonic", "a test", curves), model)
    with Pipeline.open(PipelineConfig(str(model), relation_threshold=0.0)) as pipeline:
        graph = pipeline(Frame(paint((240, 320), SCENE)))
    assert [relation.predicate_name for relation in graph.relations] == ["right of", "left of"]
    first, second = graph.relations
    assert 0.5 <= first.probability <= 0.9
    assert second.probability == pytest.approx(0.1 * second.score)
    record = graph_record(graph)["relations"][0]
    assert record["probability"] == pytest.approx(first.probability, abs=1e-6)
