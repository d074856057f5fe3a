# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pipeline over a segmenter and a generated network of REACT++'s interface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from backends import EACH, needs
from tiny_model import paint, write_tiny_model
from tiny_react import TinyBox, write_react

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.forms import load_model
from psg_ros.robot.opening import backend_of
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import RelationSource

pytestmark = needs("onnxruntime")
react = pytest.importorskip("psg_ros.network.checkpoints.react")

HW = (96, 192)  # a third of it fills the middle half of the network's 64 x 64
SCENE = {"red": (24, 36, 72, 84), "blue": (120, 36, 168, 84), "yellow": (0, 84, 192, 96)}
RED = TinyBox("red", (8, 28, 24, 44))
BLUE = TinyBox("blue", (40, 28, 56, 44))
YELLOW = TinyBox("yellow", (0, 44, 64, 48))
LEFT_OF, ABOVE = 1, 3
RELATIONS = [(0, 1, LEFT_OF, 0.5, 0.8), (0, 2, ABOVE, 0.5, 0.6), (1, 2, ABOVE, 0.4, 0.7)]
EXPECTED = {
    ("red", "left of", "blue"): 0.8,
    ("red", "above", "yellow"): 0.6,
    ("blue", "above", "yellow"): 0.7,
}


@pytest.fixture(scope="module")
def joined(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("joined")
    segmenter = write_tiny_model(folder / "segmenter", with_relations=False)
    source = write_react(folder / "react.onnx", [RED, BLUE, YELLOW], RELATIONS)
    react.join(source, str(segmenter), folder / "model")
    return folder / "model"


def words(graph) -> dict[tuple[str, str, str], float]:
    names = [node.class_name for node in graph.nodes]
    return {
        (names[r.subject], r.predicate_name, names[r.object]): pytest.approx(r.score, abs=1e-6)
        for r in graph.relations
    }


@pytest.mark.parametrize("backend", EACH)
def test_segments_are_related_as_their_boxes_are(joined, backend):
    with Pipeline.open(PipelineConfig(str(joined), backend=backend, precision="fp32")) as pipeline:
        graph = pipeline(Frame(paint(HW, SCENE)))
        assert words(graph) == EXPECTED
        assert {relation.source for relation in graph.relations} == {RelationSource.MODEL}
        assert {"regions", "relations"} <= pipeline.step_ms.keys()
        fewer = {name: SCENE[name] for name in ("blue", "yellow")}
        assert words(pipeline(Frame(paint(HW, fewer)))) == {("blue", "above", "yellow"): 0.7}
        assert words(pipeline(Frame(np.zeros((*HW, 3), np.uint8)))) == {}
        assert words(pipeline(Frame(paint(HW, SCENE)))) == EXPECTED, "no trace of other images"


def test_a_network_that_fails_where_it_finds_nothing_costs_no_segments(tmp_path, caplog):
    segmenter = write_tiny_model(tmp_path / "segmenter", with_relations=False)
    source = write_react(
        tmp_path / "react.onnx", [RED, BLUE, YELLOW], RELATIONS, fails_on_nothing=True
    )
    react.join(source, str(segmenter), tmp_path / "model")
    nothing_to_relate = Frame(paint(HW, {"green": (24, 36, 72, 84)}))
    with Pipeline.open(PipelineConfig(str(tmp_path / "model"), backend="onnxruntime")) as pipeline:
        for _ in range(2):
            graph = pipeline(nothing_to_relate)
            assert [node.class_name for node in graph.nodes] == ["green"]
            assert graph.relations == ()
        assert words(pipeline(Frame(paint(HW, SCENE)))) == EXPECTED
    (record,) = caplog.records
    assert "box_relations.onnx failed on its input" in record.getMessage()


def test_given_segments_are_related_too(joined):
    with Pipeline.open(PipelineConfig(str(joined))) as pipeline:
        frame = Frame(paint(HW, SCENE))
        segmentation = pipeline(frame).segmentation
        assert words(pipeline.predict_relations(frame, segmentation)) == EXPECTED


@pytest.mark.parametrize("source", ["auto", "model", "both"])
def test_it_counts_as_a_relation_stage(joined, source):
    with Pipeline.open(PipelineConfig(str(joined), relation_source=source)) as pipeline:
        assert EXPECTED.keys() <= words(pipeline(Frame(paint(HW, SCENE)))).keys()


def test_geometry_alone_does_not_ask_it(joined):
    with Pipeline.open(PipelineConfig(str(joined), relation_source="geometry")) as pipeline:
        graph = pipeline(Frame(paint(HW, SCENE)))
        assert not EXPECTED.keys() & words(graph).keys()
        assert "relations" not in pipeline.step_ms


def changed(joined: Path, folder: Path, edit) -> Path:
    folder.mkdir()
    for path in joined.iterdir():
        (folder / path.name).symlink_to(path)
    manifest = folder / "manifest.yaml"
    content = yaml.safe_load(manifest.read_text())
    edit(content)
    manifest.unlink()
    manifest.write_text(yaml.safe_dump(content))
    return folder


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.pop("box_relations"), "needs box_relations in its manifest"),
        (lambda m: m["box_relations"].update(labels=["zebra"]), "no label in common"),
        (lambda m: m["box_relations"].update(predicates=["kissing"]), "no predicate"),
        (lambda m: m["box_relations"].update(min_iou=0.0), "min_iou must be above 0"),
        (lambda m: m["artifacts"].pop("box_relations"), "segmenter and box_relations"),
        (lambda m: m["artifacts"]["box_relations"]["outputs"].pop(), "expected one input"),
        (lambda m: m.update(backend="abacus"), "backend must be one of auto"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(joined, tmp_path, edit, said):
    with pytest.raises(ValueError, match=said):
        load_model(str(changed(joined, tmp_path / "model", edit)))


def test_a_model_may_say_what_runs_it(joined, tmp_path):
    folder = changed(joined, tmp_path / "model", lambda m: m.update(backend="onnxruntime"))
    with Pipeline.open(PipelineConfig(str(folder))) as pipeline:
        assert pipeline.backend_name == "onnxruntime"
        chosen = PipelineConfig(str(folder), backend="openvino")
        assert backend_of(chosen, pipeline.manifest) == "openvino", "the user's word counts more"
