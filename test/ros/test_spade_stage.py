# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An open-vocabulary stage beside the real-time graph, in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psg_ros.srv", reason="needs ROS 2 and our messages")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from embedding import ThingPipeline, shoot
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from psg_ros.frame import Frame
from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.slow_stage import keeper
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
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a process that ended again at once, as it were."""
    monkeypatch.setattr(keeper, "FIRST_REST_S", 0.1)


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


def shown(graph: SceneGraph, vocabularies: list[GraphVocabulary]) -> list[str]:
    """Return the predicates of a graph as the vocabulary that it names has them."""
    words = {v.version: v.predicates for v in vocabularies}[graph.vocabulary_version]
    return [words[relation.predicate_id].name for relation in graph.relations]


class Log:
    """What the node has written so far."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd, self._heard = capfd, ""

    def count(self, text: str) -> int:
        self._heard += self._capfd.readouterr().err
        return self._heard.count(text)


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Log:
    return Log(capfd)


def call(embedding, kind, name: str, request):
    """Return what a service of the node answers."""
    client = embedding.peer.create_client(kind, f"/scene_graph_node/{name}")
    embedding.spin_until(client.service_is_ready)
    future = client.call_async(request)
    embedding.spin_until(future.done)
    return future.result()


def of_spade(statuses: list[DiagnosticStatus]) -> list[DiagnosticStatus]:
    return [status for status in statuses if status.name == "scene_graph_node: SPADE"]


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
    assert call(embedding, Trigger, "run_spade", Trigger.Request()).success
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


def test_words_that_change_while_it_looks_leave_no_graph_with_words_of_another_list(
    embedding, stream, folder: Path
) -> None:
    node, camera, graphs, words = stream(spade_every=1)
    embedding.spin_until(lambda: words)  # or the next version replaces the first one unheard
    embedding.spin_until(lambda: graphs and graphs[-1].relations, lambda: shoot(camera))
    (folder / "waits").touch()
    embedding.spin_until((folder / "waiting").exists, lambda: shoot(camera))
    graphs.clear()
    (result,) = node.set_parameters([Parameter("spade_predicates", value=["balancing on"])])
    assert result.successful
    embedding.spin_until(lambda: len(graphs) > 5, lambda: shoot(camera))
    (folder / "waits").unlink()
    embedding.spin_until(lambda: "balancing on" in said(graphs[-1]), lambda: shoot(camera))
    for graph in graphs:
        assert shown(graph, words) == said(graph)
        old = graph.vocabulary_version != graphs[-1].vocabulary_version
        assert set(said(graph)) <= ({"wearing"} if old else {"balancing on"})


def test_graphs_go_on_where_it_cannot_be_loaded(embedding, stream, folder: Path, log) -> None:
    (folder / "refuses").touch()
    _, camera, graphs, _ = stream(spade_every=1)
    embedding.spin_until(lambda: log.count("SPADE: no weights here"), lambda: shoot(camera))
    count = len(graphs)
    embedding.spin_until(lambda: len(graphs) > count + 3, lambda: shoot(camera))
    assert not any(graph.relations for graph in graphs)
    # Somebody removes the cause and does not wait for the end of the rest.
    (folder / "refuses").unlink()
    assert call(embedding, Trigger, "run_spade", Trigger.Request()).success
    embedding.spin_until(lambda: graphs[-1].relations, lambda: shoot(camera))


def test_a_process_that_hangs_is_ended_told_of_and_started_again(
    embedding, stream, folder: Path, log, short_rests
) -> None:
    statuses = []
    embedding.peer.create_subscription(
        DiagnosticArray, "/diagnostics", lambda array: statuses.extend(array.status), 10
    )
    (folder / "hangs").touch()
    node, camera, graphs, _ = stream(spade_every=1, spade_timeout_s=2.0)
    pid = node._spade._process._process.pid
    embedding.spin_until(lambda: log.count("did not answer within 2 s"), lambda: shoot(camera))
    assert not Path(f"/proc/{pid}").exists()
    assert len(graphs) > 10, "they go on meanwhile"

    def warned() -> bool:
        return any("did not answer within 2 s" in s.message for s in of_spade(statuses))

    embedding.spin_until(warned, lambda: shoot(camera))
    (folder / "hangs").unlink()
    embedding.spin_until(lambda: graphs[-1].relations, lambda: shoot(camera))
    statuses.clear()
    embedding.spin_until(lambda: of_spade(statuses))
    last = of_spade(statuses)[0]
    values = {pair.key: pair.value for pair in last.values}
    assert last.level == DiagnosticStatus.OK and int(values["answers"]) > 0
    assert int(values["ends for being late"]) >= 1
    assert int(values["starts"]) == int(values["ends"]) + 1


def test_a_process_that_is_killed_is_started_again_for_both_cameras_and_told_of_once(
    embedding, stream, log, short_rests
) -> None:
    node, _, _, _ = stream(spade_every=1, cameras=["left", "right"])
    cameras = [embedding.camera(topic=f"/{name}/image") for name in ("left", "right")]
    heard = [embedding.listen(SceneGraph, f"/{name}/scene_graph")[1] for name in ("left", "right")]

    def both_say() -> bool:
        return all(graphs and graphs[-1].relations for graphs in heard)

    def shoot_both() -> None:
        for camera in cameras:
            shoot(camera)

    embedding.spin_until(both_say, shoot_both)
    os.kill(node._spade._process._process.pid, signal.SIGKILL)
    embedding.spin_until(lambda: log.count("its process was killed"), shoot_both)
    for graphs in heard:
        graphs.clear()
    embedding.spin_until(lambda: node._spade.facts.starts == 2 and both_say(), shoot_both)
    assert log.count("its process was killed") == 1


def test_a_folder_that_goes_away_matters_to_the_next_process_alone(
    embedding, stream, folder: Path, log, short_rests
) -> None:
    node, camera, graphs, _ = stream(spade_every=1)
    embedding.spin_until(lambda: graphs and graphs[-1].relations, lambda: shoot(camera))
    away = folder.with_name("away")
    shutil.move(folder, away)
    answers = node._spade.facts.answers
    embedding.spin_until(lambda: node._spade.facts.answers > answers, lambda: shoot(camera))
    os.kill(node._spade._process._process.pid, signal.SIGKILL)
    embedding.spin_until(lambda: log.count("holds no trained SPADE"), lambda: shoot(camera))
    shutil.move(away, folder)
    answers = node._spade.facts.answers
    embedding.spin_until(lambda: node._spade.facts.answers > answers, lambda: shoot(camera))


def test_nothing_that_is_done_to_the_node_waits_for_a_process_that_hangs(
    embedding, stream, folder: Path
) -> None:
    (folder / "hangs").touch()
    node, camera, graphs, _ = stream(spade_every=1)
    embedding.spin_until((folder / "hung").exists, lambda: shoot(camera))
    begin_s = time.monotonic()
    assert call(embedding, SetBool, "pause", SetBool.Request(data=True)).success
    refused = call(embedding, Trigger, "run_spade", Trigger.Request())
    assert not refused.success and "paused" in refused.message
    assert call(embedding, SetBool, "pause", SetBool.Request(data=False)).success
    assert call(embedding, Trigger, "reset", Trigger.Request()).success
    count = len(graphs)
    embedding.spin_until(lambda: len(graphs) > count, lambda: shoot(camera))
    embedding.stop(node)
    assert time.monotonic() - begin_s < 20
    (folder / "hangs").unlink()
    embedding.start(node)
    embedding.spin_until(lambda: graphs[-1].relations, lambda: shoot(camera))
    (folder / "hung").unlink()
    (folder / "hangs").touch()
    embedding.spin_until((folder / "hung").exists, lambda: shoot(camera))
    pid, begin_s = node._spade._process._process.pid, time.monotonic()
    assert node.trigger_shutdown().name == "SUCCESS"
    assert time.monotonic() - begin_s < 10 and not Path(f"/proc/{pid}").exists()


def test_a_folder_without_a_stage_is_refused(embedding, folder: Path) -> None:
    (folder / "spade.yaml").unlink()
    node = embedding.node(model="cup", spade_model=str(folder), started=False)
    assert node.trigger_configure().name != "SUCCESS"
    assert "holds no trained SPADE" in node._refusal


def test_without_a_stage_the_service_says_so(embedding) -> None:
    node = embedding.node(model="cup")
    (stream,) = node._streams
    assert "set spade_model" in stream.request_spade()
