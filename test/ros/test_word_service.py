# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A running node takes the words that `psg words` has written, without loading its model again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("psg_ros.srv", reason="needs ROS 2 and our messages")
pytest.importorskip("torch")

from embedding import shoot
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from tiny_open import write_open_model

from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.robot.forms import load_model
from psg_ros.robot.pipeline import Pipeline
from psg_ros.ros.topics import LATCHED_QOS
from psg_ros.text.bake import bake
from psg_ros.text.wanted import Wanted

pytestmark = pytest.mark.ros

SERVICE = "/scene_graph_node/reload_words"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return write_open_model(tmp_path_factory.mktemp("open"))


@pytest.fixture
def model(exported, tmp_path):
    return Path(shutil.copytree(exported, tmp_path / "open"))


def reload_words(embedding):
    client = embedding.peer.create_client(Trigger, SERVICE)
    embedding.spin_until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    embedding.spin_until(future.done)
    embedding.peer.destroy_client(client)
    return future.result()


def test_new_words_get_a_new_version_and_no_model_is_loaded(embedding, model):
    opened = []

    def open_once(config):
        opened.append(config)
        return Pipeline.open(config)

    embedding.patch(type(embedding), "_open", lambda self, config: open_once(config))
    embedding.node(model=str(model), backend="onnxruntime")
    camera = embedding.camera()
    _, graphs = embedding.listen(SceneGraph, "/scene_graph")
    _, vocabularies = embedding.listen(
        GraphVocabulary, "/scene_graph_node/vocabulary", qos=LATCHED_QOS
    )
    embedding.spin_until(lambda: graphs and vocabularies, lambda: shoot(camera))
    assert graphs[-1].vocabulary_version == vocabularies[-1].version == 1

    bake(load_model(str(model)), Wanted(["mug", "sofa"], ["resting on"]))
    answer = reload_words(embedding)
    assert answer.success
    assert answer.message == "2 labels and 1 predicates from the next image on, with new ids"
    embedding.spin_until(
        lambda: graphs[-1].vocabulary_version == vocabularies[-1].version == 2,
        lambda: shoot(camera),
    )
    assert [one.name for one in vocabularies[-1].classes] == ["mug", "sofa"]
    assert {node.class_name for node in graphs[-1].nodes} <= {"mug", "sofa"}

    labels = model / "labels.yaml"
    good = labels.read_text()
    labels.write_text(good.replace("mug", "стул"), encoding="utf-8")
    answer = reload_words(embedding)
    assert not answer.success and "letters that are not Latin" in answer.message
    labels.write_text(good)
    (model / "words.npz").write_bytes(b"damaged")
    answer = reload_words(embedding)
    assert not answer.success and "words.npz is damaged" in answer.message
    count = len(graphs)
    embedding.spin_until(lambda: len(graphs) > count, lambda: shoot(camera))
    assert graphs[-1].vocabulary_version == 2, "the node goes on with the words it has"
    assert len(opened) == 1


def test_at_rest_the_parameters_of_now_decide(embedding, model):
    """No image has come since the class was given up that the new words lack."""
    embedding.patch(type(embedding), "_open", lambda self, config: Pipeline.open(config))
    node = embedding.node(model=str(model), backend="onnxruntime", classes=["cup"])
    bake(load_model(str(model)), Wanted(["mug", "sofa"], ["resting on"]))
    answer = reload_words(embedding)
    assert not answer.success and "no label 'cup'" in answer.message
    assert node.set_parameters([Parameter("classes", value=[""])])[0].successful
    assert reload_words(embedding).success


def test_without_a_model_it_says_so(embedding):
    embedding.node(started=False)
    answer = reload_words(embedding)
    assert not answer.success and answer.message.startswith("no model is loaded")


def test_a_repeated_graph_names_the_words_that_it_was_made_with(embedding, model):
    """One camera has the new words already, when another one repeats its last graph."""
    embedding.patch(type(embedding), "_open", lambda self, config: Pipeline.open(config))
    node = embedding.node(model=str(model), backend="onnxruntime", cameras=["front", "rear"])
    cameras = {name: embedding.camera(topic=f"/{name}/image") for name in ("front", "rear")}
    graphs = {name: embedding.listen(SceneGraph, f"/{name}/scene_graph")[1] for name in cameras}
    deadline, made = node._streams[1].processor.deadline, []
    make = deadline.graph
    deadline.graph = lambda *given: made.append(make(*given)) or made[-1]
    for name, camera in cameras.items():
        embedding.spin_until(lambda name=name: graphs[name], lambda c=camera: shoot(c))
    assert graphs["front"][-1].vocabulary_version == graphs["rear"][-1].vocabulary_version == 1

    deadline.graph = lambda *_: made[-1]  # before the words change: images may still be on the way
    bake(load_model(str(model)), Wanted(["mug", "sofa"], ["resting on"]))
    assert reload_words(embedding).success
    embedding.spin_until(
        lambda: graphs["front"][-1].vocabulary_version == 2, lambda: shoot(cameras["front"])
    )
    count = len(graphs["rear"])
    embedding.spin_until(lambda: len(graphs["rear"]) > count, lambda: shoot(cameras["rear"]))
    assert graphs["rear"][-1].vocabulary_version == 1
    deadline.graph = make
    embedding.spin_until(
        lambda: graphs["rear"][-1].vocabulary_version == 2, lambda: shoot(cameras["rear"])
    )
