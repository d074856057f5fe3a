# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A loaded pipeline takes other words without loading a network again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import yaml

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot import opening
from psg_ros.robot.calibration import Calibration, Curve, save_calibration
from psg_ros.robot.forms import load_model
from psg_ros.robot.manifest import model_sha256
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.settings_in_force import merge_settings
from psg_ros.text.bake import bake
from psg_ros.text.wanted import Wanted

IMAGE = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)


@pytest.fixture
def config(model) -> PipelineConfig:
    return PipelineConfig(model=str(model), backend="onnxruntime", precision="fp32")


@pytest.fixture
def pipeline(config):
    with Pipeline.open(config) as opened:
        yield opened


def test_the_exported_networks_say_what_the_trained_one_says(model, pipeline, tmp_path):
    import torch
    from tiny_open import open_network

    network, _ = open_network(tmp_path)
    with torch.inference_mode():
        logits = network.segmenter(torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float())[0]
    form = pipeline._form
    placement = form._segmenter.prepare(IMAGE)
    settings = merge_settings(pipeline.config, pipeline.manifest)
    class_logits, _ = form._segmenter.infer(placement, settings).masks
    np.testing.assert_allclose(class_logits, logits[0], atol=1e-4)


def test_only_the_vocabulary_changes_between_two_images(model, config, pipeline, monkeypatch):
    before = pipeline(Frame(IMAGE))
    monkeypatch.setattr(opening, "open_backend", None)  # nothing is loaded from here on
    bake(load_model(str(model)), Wanted(["mug", "sofa", "floor-wood"], ["resting on", "beside"]))
    assert pipeline.vocabulary.label_names == ("cup", "couch", "floor-wood"), "not asked yet"
    vocabulary = pipeline.offer_words()
    after = pipeline(Frame(IMAGE))
    assert pipeline.vocabulary is vocabulary
    assert {node.class_name for node in after.nodes} <= {"mug", "sofa", "floor-wood"}
    assert {relation.predicate_name for relation in after.relations} <= {"resting on", "beside"}
    bake(load_model(str(model)), Wanted(["cup", "couch", "floor-wood"], ["on", "beside"]))
    pipeline.offer_words()
    again = pipeline(Frame(IMAGE))
    assert again.nodes == before.nodes and again.relations == before.relations


def test_another_name_keeps_the_curve_of_the_word_that_it_replaces(model, config):
    digest = model_sha256(load_model(str(model)).manifest)
    curves = (Curve("on", 9, 3, (0.0, 1.0), (0.2, 0.2)),)
    save_calibration(Calibration(1, digest, "", "", curves), model)
    with Pipeline.open(config) as pipeline:
        bake(load_model(str(model)), Wanted(predicates=["beside", "upon"]))
        pipeline.offer_words()
        relations = pipeline(Frame(IMAGE)).relations
    found = [one.probability for one in relations if one.predicate_name == "upon"]
    assert found == pytest.approx([0.2] * len(found)) and found


def test_a_longer_and_a_shorter_list(model, pipeline):
    bake(load_model(str(model)), Wanted(["cup", "bowl", "vase", "book"], ["on"]))
    pipeline.offer_words()
    graph = pipeline(Frame(IMAGE))
    assert graph.relation_scores is not None and graph.relation_scores.logits.shape[1] == 2
    assert all(node.label < 4 for node in graph.nodes)


def test_all_cameras_change_and_begin_new_tracks(model, pipeline):
    other = pipeline.another_stream()
    first = [p(Frame(IMAGE, stamp_ns=1)) for p in (pipeline, other)]
    bake(load_model(str(model)), Wanted(["mug"]))
    pipeline.offer_words()
    for before, camera in zip(first, (pipeline, other), strict=True):
        after = camera(Frame(IMAGE, stamp_ns=2))
        assert {node.class_name for node in after.nodes} == {"mug"}
        old, new = ({node.track.id for node in graph.nodes} for graph in (before, after))
        assert new and not old & new, "no id is given again"


def test_a_refused_folder_leaves_the_words_as_they_were(model, config, pipeline):
    bake(load_model(str(model)), Wanted(["mug"]))
    (model / "labels.yaml").write_text("nothing: here")
    with pytest.raises(ValueError, match="is not a vocabulary"):
        pipeline.offer_words()
    assert pipeline(Frame(IMAGE)).nodes and pipeline.vocabulary.num_labels == 3


def labels_of(*things, predicates=("on",)):
    """Return what somebody wrote into labels.yaml."""
    named = [{"name": name, "color": "#ff0000"} for name in things]
    said = [{"name": name} for name in predicates]
    return yaml.safe_dump({"things": named, "stuff": [], "predicates": said}, allow_unicode=True)


@pytest.mark.parametrize(
    "labels, complaint",
    [
        (labels_of("cup", ""), "classes: '' is empty"),
        (labels_of("cup", "cup-merged"), "are the same word; leave one out"),
        (labels_of("cup", "стул"), "not Latin"),
        (labels_of("a" * 10_000), "has 10000 letters; at most 60"),
        (labels_of(*(f"w{i}" for i in range(10_000))), "10000 classes are more than .* room for"),
        (labels_of(), "no classes are given"),
        (labels_of("cup", predicates=()), "no predicates are given"),
    ],
    ids=["empty", "twice", "other letters", "very long", "10000", "no classes", "no predicates"],
)
def test_lists_changed_by_hand_follow_the_rules_of_psg_words(model, pipeline, labels, complaint):
    (model / "labels.yaml").write_text(labels, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        pipeline.offer_words()
    assert pipeline(Frame(IMAGE)).nodes and pipeline.vocabulary.num_labels == 3


def test_a_label_that_a_camera_asks_for_must_stay(model, config, pipeline):
    wanted = dataclasses.replace(config, classes=("couch",))
    bake(load_model(str(model)), Wanted(["mug"]))
    with pytest.raises(ValueError, match="couch"):
        pipeline.offer_words([wanted])
    pipeline(Frame(IMAGE))
    assert pipeline.vocabulary.num_labels == 3


def test_other_networks_ask_for_a_new_configuration(model, pipeline):
    manifest = model / "manifest.yaml"
    manifest.write_text(
        manifest.read_text().replace("maximum", "maximum", 1).replace("sha256: ", "sha256: 0", 1)
    )
    with pytest.raises(ValueError, match="are not those that are loaded; configure the node again"):
        pipeline.offer_words()


def test_a_closed_model_says_so():
    with (
        Pipeline.open(PipelineConfig(model="demo", backend="onnxruntime")) as pipeline,
        pytest.raises(ValueError, match="demo has a closed vocabulary"),
    ):
        pipeline.offer_words()


def test_a_setting_is_checked_with_the_words_of_the_next_image(model, pipeline):
    bake(load_model(str(model)), Wanted(["mug"]))
    pipeline.offer_words()
    with pytest.raises(ValueError, match="no label 'cup'"):
        pipeline.replace_config(dataclasses.replace(pipeline.config, classes=("cup",)))
    pipeline.replace_config(dataclasses.replace(pipeline.config, classes=("mug",)))
    assert {node.class_name for node in pipeline(Frame(IMAGE)).nodes} == {"mug"}
