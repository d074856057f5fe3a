# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model folder gets other words; its networks stay as they are."""

from __future__ import annotations

import time

import numpy as np
import pytest
import yaml

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.calibration import Calibration, Curve, load_calibration, save_calibration
from psg_ros.robot.forms import load_model
from psg_ros.robot.forms.words import word_inputs
from psg_ros.robot.manifest import model_sha256
from psg_ros.robot.pipeline import Pipeline
from psg_ros.text import bake as baking
from psg_ros.text.bake import bake
from psg_ros.text.encoders import missing_package, open_encoder
from psg_ros.text.lexicon import read_lexicon
from psg_ros.text.wanted import Wanted

ENCODER = "bag_of_words"
IMAGE = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)


def vectors(folder):
    """Return what the networks get: of labels and of predicates."""
    labels = word_inputs(folder, "segmenter")["label_words"]
    return labels, word_inputs(folder, "relations")["predicate_words"]


def state(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_words_change_and_networks_stay(model):
    before = state(model)
    vocabulary = bake(
        load_model(str(model)),
        Wanted(
            ["pallet", "floor-wood", "warehouse floor"], ["on", "stacked on"], ["warehouse floor"]
        ),
    )
    assert vocabulary.label_names == ("pallet", "floor-wood", "warehouse floor")
    assert [label.is_thing for label in vocabulary.labels] == [True, False, False]
    assert vocabulary.labels[1].color_rgb == (0, 0, 255), "known names keep what they had"
    assert [p.inverse for p in vocabulary.predicates] == ["under", ""]
    after = state(model)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {"labels.yaml", "words.npz", "manifest.yaml"}
    assert load_model(str(model)).vocabulary == vocabulary


def test_lists_that_are_not_given_stay(model):
    folder = load_model(str(model))
    assert bake(folder, Wanted(predicates=["holding"])).labels == folder.vocabulary.labels


def test_predicates_that_are_new_to_the_model_are_louder_by_the_gain_that_is_wanted(model):
    words = ["on", "upon", "stapled to", "beside"]
    bake(load_model(str(model)), Wanted(["mug"], words))
    folder = load_model(str(model))
    vectors = word_inputs(folder, "relations")["predicate_words"]
    lengths = np.linalg.norm(vectors[:5], axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 1, 0], rtol=1e-5)
    assert folder.words.found_gain == 1.5
    bake(folder, Wanted(predicates=words, gain=2.0))
    vectors = word_inputs(load_model(str(model)), "relations")["predicate_words"]
    assert np.linalg.norm(vectors[:3], axis=1).tolist() == pytest.approx([1, 1, 2])
    labels = word_inputs(folder, "segmenter")["label_words"]
    assert np.linalg.norm(labels[0]) == pytest.approx(1), "classes have no gain"


def test_another_name_for_a_trained_word_takes_its_vector_colour_and_kind(model):
    before = load_model(str(model))
    labels, predicates = vectors(before)
    bake(before, Wanted(["sofa", "wooden floor", "cup"], ["next to", "on top of"]))
    after = load_model(str(model))
    found, said = vectors(after)
    assert after.vocabulary.label_names == ("sofa", "cup", "wooden floor"), "stuff comes last"
    assert (found[:3] == labels[[1, 0, 2]]).all()
    assert (said[:2] == predicates[[1, 0]]).all()
    assert after.vocabulary.labels[0].color_rgb == before.vocabulary.labels[1].color_rgb
    assert [label.is_thing for label in after.vocabulary.labels] == [True, True, False]
    assert [(p.inverse, p.symmetric) for p in after.vocabulary.predicates] == [
        ("", True), ("under", False),
    ]  # fmt: skip


@pytest.mark.parametrize("names", [["sofa", "couch"], ["sofa", "settee"]])
def test_several_names_for_one_thing_keep_the_vectors_of_their_own_text(model, names):
    bake(load_model(str(model)), Wanted([*names, "tiled floor"], ["on", "upon"]))
    folder = load_model(str(model))
    found, said = vectors(folder)
    raw = open_encoder(ENCODER).encode([*names, "tiled floor"])
    np.testing.assert_allclose(found[:3], folder.words.whitening(raw), atol=1e-6)
    assert (said[0] != said[1]).any() and np.linalg.norm(said[1]) == pytest.approx(1)


def test_words_can_be_taken_literally_and_that_can_be_taken_back(model):
    words, own = Wanted(["sofa"], ["upon"], literal=True), open_encoder(ENCODER).encode(["sofa"])
    trained = vectors(load_model(str(model)))[0][1]
    bake(load_model(str(model)), words)
    folder = load_model(str(model))
    np.testing.assert_allclose(vectors(folder)[0][:1], folder.words.whitening(own), atol=1e-6)
    bake(folder, Wanted(["sofa"]))
    assert load_model(str(model)).words.labels.literal, "it is as it was, unless it is said"
    bake(load_model(str(model)), Wanted(literal=False))
    assert (vectors(load_model(str(model)))[0][0] == trained).all()


def test_names_of_a_users_own_are_remembered(model, tmp_path):
    (tmp_path / "ours.yaml").write_text("classes:\n  sofa: [lounge piece]\n  Cup: [sofa bed]\n")
    own = read_lexicon(tmp_path / "ours.yaml")
    trained = vectors(load_model(str(model)))[0]
    bake(load_model(str(model)), Wanted(["lounge piece", "sofa bed"], lexicon=own))
    assert (vectors(load_model(str(model)))[0][:2] == trained[[1, 0]]).all()
    bake(load_model(str(model)), Wanted(["sofa bed", "lounge piece"]))
    assert (vectors(load_model(str(model)))[0][:2] == trained[:2]).all()


def test_other_names_need_no_encoder(model, monkeypatch):
    monkeypatch.setattr(baking, "open_encoder", None)
    assert bake(load_model(str(model)), Wanted(["sofa", "mug"], ["upon"])).num_labels == 2


def test_a_copy_leaves_the_model_alone(model, tmp_path):
    before = state(model)
    bake(load_model(str(model)), Wanted(["mug"]), tmp_path / "copy")
    assert state(model) == before
    copy = load_model(str(tmp_path / "copy"))
    assert copy.vocabulary.label_names == ("mug",)
    assert copy.manifest.name == "copy", "it is called as its folder, as an export is"
    with pytest.raises(FileExistsError, match="choose another name"):
        bake(load_model(str(model)), Wanted(["mug"]), tmp_path / "copy")


def test_known_words_need_no_encoder_and_others_are_named(model, monkeypatch):
    def absent(name):
        raise missing_package(name, ImportError(name="tokenizers"), "words")

    monkeypatch.setattr(baking, "open_encoder", absent)
    before = state(model)
    with pytest.raises(ImportError, match="lacks 'forklift', 'pallet jack', and the text encoder"):
        bake(load_model(str(model)), Wanted(["cup", "forklift", "pallet jack"]))
    assert state(model) == before
    known = bake(load_model(str(model)), Wanted(["teddy bear", "cup"]))
    assert known.label_names == ("teddy bear", "cup"), "words of the vocabularies that ship"


@pytest.mark.parametrize(
    "wanted, complaint",
    [
        (Wanted(["cup"] * 2), "are the same word"),
        (Wanted([]), "no classes are given"),
        (
            Wanted([f"c{'abcdefghij'[i // 26]}{chr(97 + i % 26)}" for i in range(257)]),
            "room for .256",
        ),
        (Wanted(predicates=[f"p{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(129)]), "128"),
        (Wanted(["cup"], stuff=["floor"]), "stuff that is none of the classes: floor"),
        (Wanted(["cup"], gain=0.5), "the gain of predicates must be from 1 to 100, not 0.5"),
    ],
)
def test_what_is_refused_changes_nothing(model, wanted, complaint):
    before = state(model)
    with pytest.raises(ValueError, match=complaint):
        bake(load_model(str(model)), wanted)
    assert state(model) == before and not list(model.parent.glob("tmp*"))


def test_as_many_words_as_there_is_room_for(model):
    names = [f"thing {chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(256)]
    bake(load_model(str(model)), Wanted(names))
    with Pipeline.open(PipelineConfig(model=str(model), backend="onnxruntime")) as pipeline:
        nodes = pipeline(Frame(IMAGE)).nodes
    assert nodes and {node.class_name for node in nodes} <= set(names)


def test_baking_takes_less_than_a_second(model):
    folder = load_model(str(model))
    started = time.process_time()
    bake(folder, Wanted(["cup", "bowl"], ["on", "in"]))
    assert time.process_time() - started < 1


def test_a_closed_model_is_refused():
    with pytest.raises(ValueError, match="the model demo has a closed vocabulary; only models tr"):
        bake(load_model("demo"), Wanted(["cup"]))


def test_curves_of_predicates_that_are_gone_go_too(model):
    folder = load_model(str(model))
    curves = tuple(Curve(name, 9, 3, (0.5,), (0.4,)) for name in ("on", "beside"))
    digest = model_sha256(folder.manifest)
    save_calibration(Calibration(1, digest, "", "", curves), model)
    bake(folder, Wanted(predicates=["on", "holding"]))
    kept = load_calibration(model, digest)
    assert kept is not None and [curve.predicate for curve in kept.curves] == ["on"]
    bake(load_model(str(model)), Wanted(predicates=["upon", "holding"]))
    kept = load_calibration(model, digest)
    assert kept is not None and [curve.predicate for curve in kept.curves] == ["upon"]


def test_a_curve_goes_with_the_gain_that_it_was_fitted_with(model):
    bake(load_model(str(model)), Wanted(predicates=["on", "stapled to"]))
    folder = load_model(str(model))
    digest = model_sha256(folder.manifest)
    curves = tuple(Curve(name, 9, 5, (0.5,), (0.5,)) for name in ("on", "stapled to"))
    save_calibration(Calibration(1, digest, "", "", curves), model)
    bake(folder, Wanted(gain=2.0))
    kept = load_calibration(model, digest)
    assert kept is not None and [curve.predicate for curve in kept.curves] == ["on"]


def test_a_damaged_table_is_refused_on_loading(model):
    table = model / "words.npz"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"words.npz is damaged or belongs to another manifest"):
        load_model(str(model))


def test_a_vocabulary_without_vectors_is_refused_on_loading(model):
    labels = model / "labels.yaml"
    labels.write_text(labels.read_text().replace("beside", "stapled to"))
    with pytest.raises(ValueError, match=r"no vectors of the words \['stapled to'\]"):
        load_model(str(model))


def test_a_table_of_another_encoder_is_refused_on_loading(model):
    path = model / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text())
    manifest["words"]["encoder"] = "minilm"
    path.write_text(yaml.safe_dump(manifest))
    with pytest.raises(ValueError, match="of the text encoder bag_of_words, the networks were"):
        load_model(str(model))


def test_a_class_that_is_called_stuff_is_stuff_even_if_it_was_a_thing(model):
    wanted = Wanted(["cup", "couch", "lawn"], stuff=["couch ", "lawn"])
    labels = bake(load_model(str(model)), wanted).labels
    assert {label.name: label.is_thing for label in labels} == {
        "cup": True, "couch": False, "lawn": False,
    }  # fmt: skip


def test_a_copy_into_the_model_itself_is_refused(model):
    before = sorted(model.rglob("*"))
    with pytest.raises(ValueError, match="lies in the model itself"):
        bake(load_model(str(model)), Wanted(["mug"]), model / "copies" / "new")
    assert sorted(model.rglob("*")) == before
