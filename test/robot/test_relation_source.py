# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who relates the segments of a model: its relation stage, geometry, or both."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_model import paint, write_tiny_model

from psg_ros.config import PipelineConfig
from psg_ros.frame import Camera, Frame
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import RelationSource

HW = (256, 384)
# A red chair before a yellow wall, on a cyan floor.
ROOM = {
    "yellow": (0, 0, 384, 160), "cyan": (0, 160, 384, 256), "red": (144, 96, 224, 208),
}  # fmt: skip
NAMES = {"red": "chair", "yellow": "wall-other-merged", "cyan": "floor-other-merged"}


def renamed(folder: Path, words: dict[str, str]) -> Path:
    """Give a tiny model's labels and predicates words that geometry knows."""
    path = folder / "labels.yaml"
    content = yaml.safe_load(path.read_text())
    for entry in (*content["things"], *content["stuff"]):
        entry["name"] = NAMES.get(entry["name"], entry["name"])
    for entry in content["predicates"]:
        entry["name"] = words.get(entry["name"], entry["name"])
        entry.pop("inverse", None)
    path.write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture
def segments_only(tmp_path: Path) -> Path:
    folder = write_tiny_model(tmp_path / "segments", with_relations=False)
    return renamed(folder, {"above": "standing on"})


@pytest.fixture
def with_stage(tmp_path: Path) -> Path:
    return renamed(write_tiny_model(tmp_path / "whole"), {"above": "standing on"})


def graph_of(model: Path, source: str, frame: Frame | None = None):
    with Pipeline.open(PipelineConfig(str(model), relation_source=source)) as pipeline:
        return pipeline(frame or Frame(paint(HW, ROOM)))


def words(graph) -> dict[tuple[str, str, str], RelationSource]:
    names = [node.class_name for node in graph.nodes]
    return {
        (names[r.subject], r.predicate_name, names[r.object]): r.source for r in graph.relations
    }


STANDS = ("chair", "standing on", "floor-other-merged")


@pytest.mark.parametrize("source", ["auto", "geometry", "both"])
def test_a_model_without_relation_stage_is_related_by_geometry(segments_only, source):
    graph = graph_of(segments_only, source)
    assert words(graph) == {STANDS: RelationSource.GEOMETRY}
    (relation,) = graph.relations
    assert 0.5 <= relation.score <= 1 and math.isnan(relation.probability)


def test_or_by_nothing(segments_only):
    assert words(graph_of(segments_only, "model")) == {}


@pytest.mark.parametrize("source", ["auto", "model"])
def test_a_model_with_one_is_related_by_it_alone(with_stage, source):
    graph = graph_of(with_stage, source)
    assert set(words(graph).values()) == {RelationSource.MODEL} and len(graph.relations) == 6


def test_a_model_may_recommend_both(with_stage):
    path = with_stage / "manifest.yaml"
    path.write_text(path.read_text() + "relation_source: both\n")
    assert words(graph_of(with_stage, "auto"))[STANDS] == RelationSource.FUSED
    assert set(words(graph_of(with_stage, "model")).values()) == {RelationSource.MODEL}


def test_what_a_model_recommends_must_be_known(with_stage):
    path = with_stage / "manifest.yaml"
    path.write_text(path.read_text() + "relation_source: magic\n")
    with pytest.raises(ValueError, match="relation_source must be one of auto, model, geometry"):
        graph_of(with_stage, "auto")


def test_geometry_alone_does_not_run_the_relation_stage(with_stage):
    config = PipelineConfig(str(with_stage), relation_source="geometry")
    with Pipeline.open(config) as pipeline:
        graph = pipeline(Frame(paint(HW, ROOM)))
        assert "relations" not in pipeline.step_ms and "geometry" in pipeline.step_ms
    assert words(graph) == {STANDS: RelationSource.GEOMETRY}


def test_both_mark_what_they_agree_on_and_score_it_higher(with_stage):
    alone = graph_of(with_stage, "model")
    graph = graph_of(with_stage, "both")
    sources = words(graph)
    assert sources[STANDS] == RelationSource.FUSED
    assert RelationSource.MODEL in sources.values()
    score = {key: r.score for key, r in zip(words(graph), graph.relations, strict=True)}
    before = {key: r.score for key, r in zip(words(alone), alone.relations, strict=True)}
    assert score[STANDS] > before[STANDS]
    others = [key for key in before if set(key) & {"chair"} == set()]
    assert [score[key] for key in others] == pytest.approx([before[key] for key in others])


def test_the_threshold_of_geometry_can_change_while_the_model_runs(segments_only):
    config = PipelineConfig(str(segments_only))
    with Pipeline.open(config) as pipeline:
        assert pipeline(Frame(paint(HW, ROOM))).relations
        pipeline.replace_config(PipelineConfig(str(segments_only), geometry_threshold=1.0))
        assert not pipeline(Frame(paint(HW, ROOM))).relations


def test_depth_contradicts_what_an_image_suggests(segments_only):
    image = paint(HW, ROOM)
    camera = Camera(HW, (300.0, 300.0), (192.0, 100.0))
    rows = np.arange(HW[0])[:, None]
    floor = np.where(rows > 160, 360.0 / np.maximum(rows - 100, 1), 6.0).astype(np.float32)
    flying, standing = (np.tile(floor, HW[1]) for _ in range(2))
    standing[96:208, 144:224], flying[96:208, 144:224] = floor[208], 1.0
    seen = {
        name: words(graph_of(segments_only, "auto", Frame(image, depth, camera)))
        for name, depth in (("standing", standing), ("flying", flying))
    }
    assert seen == {"standing": {STANDS: RelationSource.GEOMETRY}, "flying": {}}


def test_segments_from_outside_are_related_by_geometry_too(segments_only):
    frame = Frame(paint(HW, ROOM))
    with Pipeline.open(PipelineConfig(str(segments_only))) as pipeline:
        graph = pipeline(frame)
        assert pipeline.predict_relations(frame, graph.segmentation).relations == graph.relations
