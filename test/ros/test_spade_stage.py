# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An open-vocabulary stage beside the real-time graph, in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psg_ros.srv", reason="needs ROS 2 and our messages")

from embedding import ThingPipeline, shoot
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from psg_ros.frame import Frame
from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.ros import spade_stage
from psg_ros.ros.topics import OUTPUTS
from psg_ros.scene_graph import RelationSource, Segmentation
from psg_ros.scene_graph import SceneGraph as Graph

pytestmark = pytest.mark.ros


def two_things(pipeline: ThingPipeline, frame: Frame, measure: object = None) -> Graph:
    """See one thing in the left half of an image and one in its right half."""
    label_map = np.zeros(frame.image_hw, np.int32)
    label_map[:, frame.image_hw[1] // 2 :] = 1
    segmentation = Segmentation(label_map, np.zeros(2, np.int64), np.ones(2, np.float32))
    regions = measure_regions(label_map, 2)
    followed = pipeline.tracker.update(frame, segmentation, regions, pipeline.config)
    nodes = describe_nodes(segmentation, regions, pipeline.vocabulary, followed.tracks, None)
    return Graph(segmentation, nodes, ())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a trained stage; what runs it is fake_spade.py."""
    monkeypatch.setattr(spade_stage, "SPADE_MODULE", "fake_spade")
    here = Path(__file__).parent
    paths = [str(here), str(here.parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    (tmp_path / "spade.yaml").write_text(
        "trained: {predicates: ['on', wearing]}\nspade: {mask_source: external}\n"
    )
    return tmp_path


@pytest.fixture
def stream(embedding, folder: Path):
    """Return a function that makes a node, its camera, its graphs and its vocabularies."""
    embedding.patch(ThingPipeline, "__call__", two_things)

    def start(**parameters):
        node = embedding.node(model="cup", spade_model=str(folder), **parameters)
        _, graphs = embedding.listen(SceneGraph, "/scene_graph")
        topic = "/scene_graph_node/vocabulary"
        _, words = embedding.listen(GraphVocabulary, topic, OUTPUTS["~/vocabulary"].qos)
        return node, embedding.camera(), graphs, words

    return start


def said(graph: SceneGraph) -> list[str]:
    return [relation.predicate_name for relation in graph.relations]


def test_what_it_says_of_a_frame_is_in_later_graphs(embedding, stream) -> None:
    _, camera, graphs, words = stream(spade_every=2)
    embedding.spin_until(lambda: graphs and graphs[-1].relations, lambda: shoot(camera))
    graph = graphs[-1]
    assert said(graph) == ["wearing", "wearing"]
    assert {relation.source for relation in graph.relations} == {RelationSource.OPEN_VOCABULARY}
    assert {relation.subject_id for relation in graph.relations} == {n.id for n in graph.nodes}
    vocabulary = words[-1]
    assert [p.name for p in vocabulary.predicates] == ["on", "wearing"]
    assert vocabulary.version == graph.vocabulary_version
    assert graph.relations[0].predicate_id == 1


def test_it_looks_when_it_is_asked_to(embedding, stream) -> None:
    _, camera, graphs, _ = stream(spade_every=0)
    embedding.spin_until(lambda: len(graphs) > 5, lambda: shoot(camera))
    assert not any(graph.relations for graph in graphs)
    client = embedding.peer.create_client(Trigger, "/scene_graph_node/run_spade")
    embedding.spin_until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    embedding.spin_until(future.done)
    assert future.result().success
    embedding.spin_until(lambda: graphs[-1].relations, lambda: shoot(camera))


def test_its_words_change_while_it_runs(embedding, stream) -> None:
    node, camera, graphs, words = stream(spade_every=1)
    embedding.spin_until(lambda: graphs and graphs[-1].relations, lambda: shoot(camera))
    version = graphs[-1].vocabulary_version
    (result,) = node.set_parameters([Parameter("spade_predicates", value=["balancing on"])])
    assert result.successful
    embedding.spin_until(lambda: "balancing on" in said(graphs[-1]), lambda: shoot(camera))
    assert graphs[-1].vocabulary_version == version + 1 == words[-1].version
    assert [p.name for p in words[-1].predicates] == ["on", "balancing on"]
    for wrong in (["near", "near"], ["near", " "], [f"word {i}" for i in range(1001)]):
        (result,) = node.set_parameters([Parameter("spade_predicates", value=wrong)])
        assert not result.successful and "spade_predicates" in result.reason


def test_graphs_go_on_where_it_cannot_be_loaded(embedding, stream, folder: Path, capfd) -> None:
    (folder / "refuses").touch()
    _, camera, graphs, _ = stream(spade_every=1)
    embedding.spin_until(lambda: len(graphs) > 5, lambda: shoot(camera))
    heard = []
    embedding.spin_until(
        lambda: "no weights here" in (heard.append(capfd.readouterr().err) or "".join(heard)),
        lambda: shoot(camera),
    )
    assert "SPADE gave no answer: no weights here" in "".join(heard)
    count = len(graphs)
    embedding.spin_until(lambda: len(graphs) > count + 3, lambda: shoot(camera))
    assert not any(graph.relations for graph in graphs)


def test_a_folder_without_a_stage_is_refused(embedding, folder: Path) -> None:
    (folder / "spade.yaml").unlink()
    node = embedding.node(model="cup", spade_model=str(folder), started=False)
    assert node.trigger_configure().name != "SUCCESS"
    assert "holds no trained SPADE" in node._refusal


def test_without_a_stage_the_service_says_so(embedding) -> None:
    node = embedding.node(model="cup")
    (stream,) = node._streams
    assert "set spade_model" in stream.request_spade()
