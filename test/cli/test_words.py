# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg words: from the command line to a model with other words."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("torch")

from tiny_open import write_open_model  # noqa: E402

from psg_ros.__main__ import main  # noqa: E402
from psg_ros.robot.forms import load_model  # noqa: E402


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return write_open_model(tmp_path_factory.mktemp("open"))


@pytest.fixture
def model(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "open")


def names(model):
    vocabulary = load_model(str(model)).vocabulary
    return vocabulary.label_names, vocabulary.predicate_names


def test_words_are_listed_replaced_and_added(model, capsys):
    assert main(["words", str(model)]) == 0
    assert "3 classes: cup, couch, floor-wood\n  trained: all of them" in capsys.readouterr().out
    words = ["words", str(model), "--classes", "sofa", "lawn", "--stuff", "lawn"]
    assert main([*words, "--predicates", "resting on"]) == 0
    assert f"{model}: new words in " in capsys.readouterr().out
    assert names(model) == (("sofa", "lawn"), ("resting on",))
    assert main(["words", str(model), "--add", "--predicates", "holding"]) == 0
    assert names(model) == (("sofa", "lawn"), ("resting on", "holding"))


def test_what_each_word_is_taken_for_is_said(model, capsys):
    given = ["--classes", "sofa", "cup", "mug", "pallet", "--predicates", "on", "stapled to"]
    assert main(["words", str(model), *given]) == 0
    told = capsys.readouterr().out
    assert main(["words", str(model)]) == 0
    assert told.endswith(shown := capsys.readouterr().out)
    assert shown.splitlines() == [
        "4 classes: sofa, cup, mug, pallet",
        "  trained: cup",
        "  known ways to say a trained word: sofa (couch)",
        "  known, but kept apart, each by its own text: mug (cup)",
        "  new to the model: pallet",
        "2 predicates: on, stapled to",
        "  trained: on",
        "  new to the model: stapled to",
        "gain of new predicates: 1 (training found 1.5)",
        "  named right in training, trained predicates / predicates held out of it:",
        "  1: 80 / 5 %, 1.25: 70 / 20 %",
    ]
    assert main(["words", str(model), "--literal"]) == 0
    assert "each by its own text: sofa (couch), mug (cup)" in capsys.readouterr().out


def test_own_names_come_from_a_file(model, tmp_path, capsys):
    (tmp_path / "ours.yaml").write_text("classes: {cup: [tote]}\n")
    given = ["--classes", "tote", "--lexicon", str(tmp_path / "ours.yaml")]
    assert main(["words", str(model), *given]) == 0
    assert "known ways to say a trained word: tote (cup)" in capsys.readouterr().out
    assert main(["words", str(model), "--no-literal", "--classes", "tote", "cup"]) == 0
    assert "kept apart, each by its own text: tote (cup)" in capsys.readouterr().out


def test_the_gain_is_a_number_or_the_one_that_the_training_has_found(model, capsys):
    words = ["words", str(model), "--predicates", "holding", "--gain"]
    for given, gain in ((["1.25"], 1.25), ([], 1.5)):
        assert main([*words, *given]) == 0
        assert load_model(str(model)).words.gain == gain
    with pytest.raises(SystemExit):
        main(["words", str(model), "--gain", "loud"])
    assert "must be a number, not 'loud'" in capsys.readouterr().err
    assert main(["words", str(model), "--gain", "2"]) == 0
    assert load_model(str(model)).words.gain == 2
    assert names(model)[1] == ("holding",), "the words stay"


def test_words_from_a_file_into_a_copy(model, tmp_path):
    (tmp_path / "list.txt").write_text("pallet\nforklift\n")
    out = tmp_path / "warehouse"
    given = ["--classes", str(tmp_path / "list.txt"), "--out", str(out)]
    assert main(["words", str(model), *given]) == 0
    assert names(out)[0] == ("pallet", "forklift") and names(model)[0][0] == "cup"


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--classes", "cup", "cup"], "are the same word"),
        (["--classes", ""], "is empty"),
        (["--classes", "none.txt"], "none.txt"),
        (["--stuff", "cup"], "no words are given: add --classes or --predicates"),
        (["--classes", "кот"], "not Latin"),
    ],
)
def test_wrong_words_end_with_one_line(model, capsys, arguments, complaint):
    assert main(["words", str(model), *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error and len(error.strip().splitlines()) == 1
    assert names(model)[0] == ("cup", "couch", "floor-wood")


def test_a_closed_model_says_how_one_becomes_open(capsys):
    assert main(["words", "demo", "--classes", "cup"]) == 2
    assert "demo has a closed vocabulary; only models trained with" in capsys.readouterr().err
