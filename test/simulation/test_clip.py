# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Clips: what is written is what was rendered, and what ships fits both the world and the model."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

from backends import needs

from psg_ros.config import PipelineConfig
from psg_ros.evaluation.metrics.overlap import measure_overlap
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.frame import Frame
from psg_ros.resources import share_path
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import Segmentation
from psg_ros.simulation import CLASSES
from psg_ros.simulation.clip import (
    MASKS,
    TRUTH,
    ClipSettings,
    film,
    read_pictures,
    read_truth,
    write_clip,
)

SHIPPED = share_path() / "clips" / "rooms"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mujoco")
    folder = tmp_path_factory.mktemp("clips") / "small"
    try:
        write_clip(folder, ClipSettings(3, 0.5, 8.0, (160, 120)), progress=False)
    except RuntimeError as error:
        pytest.skip(str(error))
    return folder


def test_a_clip_holds_what_was_rendered(clip: Path) -> None:
    truth, pictures = read_truth(clip), list(read_pictures(clip))
    assert truth.settings == ClipSettings(3, 0.5, 8.0, (160, 120))
    rendered = list(film(truth.settings))
    assert len(rendered) == len(pictures) == len(truth.masks) == 4
    for index, frame in enumerate(rendered):
        np.testing.assert_array_equal(truth.label_map(index), frame.label_map)
        np.testing.assert_array_equal(truth.labels[index], frame.labels)
        np.testing.assert_array_equal(truth.relations[index], frame.relations)
        # The film is compressed; the truth is not.
        assert np.abs(pictures[index].astype(int) - frame.rgb).mean() < 6


def test_a_clip_takes_no_folder_that_holds_something(clip: Path) -> None:
    with pytest.raises(FileExistsError, match="choose a new folder"):
        write_clip(clip, ClipSettings(0, 1.0, 1.0, (160, 120)))


def test_an_odd_size_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even sizes, not 161x120"):
        write_clip(tmp_path / "odd", ClipSettings(0, 1.0, 1.0, (161, 120)))
    assert not (tmp_path / "odd").exists()


@pytest.mark.parametrize("damage", ["cut", "other classes", "a picture too few", "no settings"])
def test_a_damaged_clip_is_named(clip: Path, tmp_path: Path, damage: str) -> None:
    content = json.loads((clip / TRUTH).read_text())
    masks = (clip / MASKS).read_bytes()
    if damage == "cut":
        masks = masks[:-40]
    elif damage == "other classes":
        content["classes"] = ["dragon"]
    elif damage == "a picture too few":
        content["pictures"].pop()
    else:
        del content["settings"]
    (tmp_path / TRUTH).write_text(json.dumps(content))
    (tmp_path / MASKS).write_bytes(masks)
    with pytest.raises(ValueError, match=f"{tmp_path}.*make it again"):
        read_truth(tmp_path)


def test_what_ships_is_small_and_complete() -> None:
    size = sum(path.stat().st_size for path in SHIPPED.iterdir())
    assert size <= 3_000_000
    truth = read_truth(SHIPPED)
    width, height = truth.settings.size_wh
    assert truth.masks.shape == (truth.settings.num_frames, height, width)
    for index, (labels, relations) in enumerate(zip(truth.labels, truth.relations, strict=True)):
        assert set(np.unique(truth.masks[index])) - {0} == set(range(1, len(labels) + 1))
        assert labels.max() < len(CLASSES)
        assert relations.size == 0 or relations[:, :2].max() < len(labels)
    assert sum(1 for _ in read_pictures(SHIPPED)) == truth.settings.num_frames


def test_what_ships_can_be_made_again() -> None:
    pytest.importorskip("mujoco")
    truth = read_truth(SHIPPED)
    if truth.mujoco != importlib.metadata.version("mujoco"):
        pytest.skip(f"it was made with MuJoCo {truth.mujoco}; others move things otherwise")
    frames = film(truth.settings)
    try:
        for index, (frame, picture) in enumerate(zip(frames, read_pictures(SHIPPED), strict=False)):
            if index == 3:
                break
            np.testing.assert_array_equal(truth.label_map(index), frame.label_map)
            np.testing.assert_array_equal(truth.relations[index], frame.relations)
            assert np.abs(picture.astype(int) - frame.rgb).mean() < 6
    except RuntimeError as error:
        pytest.skip(str(error))
    finally:
        frames.close()


@needs("onnxruntime")
def test_the_demo_model_sees_what_is_true_of_the_clip() -> None:
    """What the demonstration shows is worth looking at: most of its segments are right."""
    truth, counts = read_truth(SHIPPED), PanopticCounts.empty(len(CLASSES))
    with Pipeline.open(PipelineConfig(backend="onnxruntime", threads=1)) as pipeline:
        assert [label.name for label in pipeline.vocabulary.labels] == list(CLASSES)
        for index, picture in enumerate(read_pictures(SHIPPED)):
            if index % 60:
                continue
            labels = truth.labels[index]
            true = Segmentation(
                truth.label_map(index), labels.astype(np.int64), np.ones(len(labels), np.float32)
            )
            found = pipeline(Frame(picture)).segmentation
            counts += panoptic_counts(
                true,
                np.zeros(len(labels), bool),
                found,
                measure_overlap(true, found),
                len(CLASSES),
            )
    assert counts.quality_of_all_segments > 0.6
