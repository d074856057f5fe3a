# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`psg dataset`: what it prints, and what it answers to scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_psg import change_json, write_tiny_psg

from psg_ros.__main__ import main

SHARED = Path(__file__).parents[3] / "shared" / "data"
LABELS = """\
things: [{name: box, color: "#010203"}, {name: ball, color: "#010204"}]
stuff: [{name: ground, color: "#010205"}]
predicates: [{name: beside}, {name: "on"}]
"""


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A clean data set and its vocabulary."""
    (tmp_path / "labels.yaml").write_text(LABELS)
    folder = write_tiny_psg(tmp_path / "set")
    return ["dataset", "check", str(folder), "--labels", str(tmp_path / "labels.yaml")]


def test_a_clean_set_gives_0(arguments, capsys):
    assert main(arguments) == 0
    out, errors = capsys.readouterr()
    assert out.endswith("\nusable\n") and not errors


def test_problems_give_1_and_are_named(arguments, tmp_path, capsys):
    (tmp_path / "set" / "3.png").unlink()
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "3.png does not exist" in out and out.endswith("not usable: 1 problem\n")
    assert main([*arguments, "--split", "test"]) == 0


def test_no_data_set_gives_2(tmp_path, capsys):
    assert main(["dataset", "check", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("psg dataset: error: ")


def test_the_report_is_written_as_json(arguments, tmp_path):
    assert main([*arguments, "--json", str(tmp_path / "report.json")]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["usable"] is True


def test_a_report_that_cannot_be_written_is_refused_before_the_work(arguments, tmp_path, capsys):
    assert main([*arguments, "--json", str(tmp_path / "no" / "report.json")]) == 2
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("things", "hint"),
    [
        (["person", "giraffe"], "fitting: --labels photo, --labels psg\n"),
        (["person", "unicorn"], "no vocabulary here knows all these names\n"),
    ],
)
def test_the_vocabulary_that_would_fit_is_named(tmp_path, capsys, things, hint):
    folder = write_tiny_psg(tmp_path / "set")
    names = {"thing_classes": things, "stuff_classes": ["sky-other-merged"]}
    change_json(folder / "psg.json", lambda content: content.update(names))
    assert main(["dataset", "check", str(folder), "--labels", "simulation"]) == 1
    assert capsys.readouterr().out.endswith(hint)


def test_without_an_action_the_usage_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["dataset"])
    assert caught.value.code == 2
    assert "the following arguments are required: ACTION" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--debug", None])
def test_help_of_the_action_and_debug_work(arguments, flag, capsys):
    assert main([*arguments, flag] if flag else arguments) == 0
    with pytest.raises(SystemExit) as caught:
        main(["dataset", "check", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "--workers N" in text and "examples:\n  psg dataset check rooms" in text
    assert "Look for everything" in text


@pytest.mark.skipif(not (SHARED / "coco_panoptic").is_dir(), reason="no sample of COCO here")
def test_two_real_photos_with_their_truth_are_usable(capsys):
    assert main(["dataset", "check", str(SHARED / "coco_panoptic")]) == 0
    assert "labels     psg: all 133 names, in the same order" in capsys.readouterr().out


def test_select_writes_a_file_that_trains(arguments, tmp_path, capsys):
    labels = tmp_path / "fewer.yaml"
    labels.write_text(LABELS.replace('{name: box, color: "#010203"}, ', ""))
    out = tmp_path / "fewer.json"
    source = [*arguments[:1], "select", *arguments[2:3], "-o", str(out), "--labels", str(labels)]
    assert main([*source, "--hold-out", "[01]"]) == 0
    said = capsys.readouterr().out
    assert "6 images, 2 held out" in said and "now void: box 6" in said
    folders = ["--image-folder", arguments[2], "--panoptic-folder", arguments[2]]
    assert main(["dataset", "check", str(out), "--labels", str(labels), *folders]) == 0
    assert json.loads(out.read_text())["test_image_ids"] == ["0", "1"]


def test_select_refuses_a_pattern_that_fits_nothing(arguments, tmp_path, capsys):
    source = [*arguments[:1], "select", *arguments[2:], "-o", str(tmp_path / "psg.json")]
    assert main([*source, "--hold-out", "nyu_*"]) == 2
    assert "has no image 'nyu_*'" in capsys.readouterr().err
    assert not (tmp_path / "psg.json").exists()


@pytest.mark.parametrize("action", ["check", "select", "relate", "join"])
def test_no_action_writes_over_what_it_reads(arguments, tmp_path, capsys, action):
    path = tmp_path / "set" / "psg.json"
    before = path.read_bytes()
    words = ["--labels", arguments[-1]] if action != "join" else []
    words += ["--camera", "1", "1", "1", "1"] if action == "relate" else []
    out = "--json" if action == "check" else "-o"
    assert main(["dataset", action, str(tmp_path / "set"), out, str(path), *words]) == 2
    assert "is the input; the output needs a name of its own" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_join_counts_the_held_out_images_that_are_there(tmp_path, capsys):
    """Files name images of the test split that they do not hold, some of them as numbers."""
    write_tiny_psg(tmp_path / "set")
    ids = {"test_image_ids": [5, 77, 78], "val_image_ids": ["4", "79"]}
    change_json(tmp_path / "set" / "psg.json", lambda content: content.update(ids))
    out = tmp_path / "joined.json"
    assert main(["dataset", "join", str(tmp_path / "set"), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 6 images, 2 held out\n"
