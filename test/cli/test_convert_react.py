# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg convert --segmenter: from a REACT++ file and a model to a model folder and a prediction."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from backends import needs
from onnx_writing import network, node
from tiny_model import COLORS, paint, write_tiny_model
from tiny_react import LABELS, WORDS, TinyBox, metadata, write_react

from psg_ros.__main__ import main
from psg_ros.robot.forms import load_model
from psg_ros.robot.manifest import TensorSpec

pytestmark = needs("onnxruntime")

BOXES = [TinyBox("red", (8, 24, 24, 40)), TinyBox("blue", (40, 24, 56, 40))]
RELATIONS = [(0, 1, 1, 0.5, 0.8), (1, 0, 2, 0.4, 0.6)]
SCENE = paint((96, 192), {"red": (24, 24, 72, 72), "blue": (120, 24, 168, 72)})


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    """A folder with a model of segments and, as the working directory, short names."""
    write_tiny_model(tmp_path / "segmenter", with_relations=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def convert(*options: str, source: str = "react.onnx") -> int:
    return main(["convert", source, "model", "--segmenter", "segmenter", *options])


def error_of(capsys) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error
    return error


def test_the_model_folder_predicts_the_relations_of_the_file(here, capsys):
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert convert() == 0
    printed = capsys.readouterr()
    assert "labels: 6 of 7 are known to segmenter" in printed.out
    assert "predicates: 4 of 4 are known to segmenter" in printed.out
    assert printed.err == "left out, unknown labels: white\n"
    cv2.imwrite("photo.png", SCENE[..., ::-1])
    assert main(["predict", "photo.png", "--model", "model", "--json", "graph.json"]) == 0
    graph = json.loads(Path("graph.json").read_text(encoding="utf-8"))
    graph = graph[0] if isinstance(graph, list) else graph
    names = {graph_node["id"]: graph_node["class_name"] for graph_node in graph["nodes"]}
    found = [
        (names[r["subject_id"]], r["predicate_name"], names[r["object_id"]])
        for r in graph["relations"]
    ]
    assert found == [("red", "left of", "blue"), ("blue", "right of", "red")]
    scores = [relation["score"] for relation in graph["relations"]]
    assert scores == pytest.approx([0.8, 0.6], abs=0.01)


def test_the_manifest_names_the_file_and_its_digest_and_keeps_the_segmenters_own(here):
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert convert("--min-iou", "0.3") == 0
    manifest, segmenter = load_model("model").manifest, load_model("segmenter").manifest
    artifact = manifest.artifact("box_relations")
    assert artifact.sha256 == hashlib.sha256(Path("react.onnx").read_bytes()).hexdigest()
    assert artifact.inputs[0].shape == (1, 3, 64, 64)
    assert [tensor.shape for tensor in artifact.outputs] == [(-1, 6), (-1, 5)]
    assert manifest.artifact("segmenter") == segmenter.artifact("segmenter")
    assert manifest.input_hw == segmenter.input_hw and manifest.scaling == segmenter.scaling
    assert manifest.box_relations.labels == LABELS
    assert manifest.box_relations.predicates == WORDS[1:]
    assert manifest.box_relations.min_iou == 0.3
    with Path("model/box_relations.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="is damaged or belongs to another manifest"):
        load_model("model")


def test_the_segmenter_of_a_model_that_relates_will_do(here):
    shutil.rmtree("segmenter")
    write_tiny_model(here / "segmenter", input_hw=(64, 96))
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert convert() == 0
    manifest = load_model("model").manifest
    assert set(manifest.artifacts) == {"segmenter", "box_relations"}
    assert manifest.grid_hw is None and manifest.cell_px is None
    assert not Path("model/relations.onnx").exists()


def test_int8_files_stay_with_the_segmenters_own_model(here):
    path = Path("segmenter/manifest.yaml")
    twin = Path("segmenter/segmenter.int8.onnx")
    shutil.copyfile("segmenter/segmenter.onnx", twin)
    files = {
        "segmenter": {"file": twin.name, "sha256": hashlib.sha256(twin.read_bytes()).hexdigest()}
    }
    manifest = yaml.safe_load(path.read_text(encoding="utf-8")) | {"int8": {"files": files}}
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    assert load_model("segmenter").manifest.twins
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert convert() == 0
    assert not load_model("model").manifest.twins


def test_names_are_counted_from_1_with_or_without_an_entry_for_background(here):
    notes = metadata(["__background__", *LABELS], WORDS[1:])
    write_react(here / "react.onnx", BOXES, RELATIONS, notes=notes)
    assert convert() == 0
    names = load_model("model").manifest.box_relations
    assert (names.labels, names.predicates) == (LABELS, WORDS[1:])


def test_columns_that_the_file_leaves_open_are_those_of_the_format(here):
    write_react(here / "react.onnx", BOXES, RELATIONS, free_columns=True)
    assert convert() == 0
    outputs = load_model("model").manifest.artifact("box_relations").outputs
    assert {tensor.name: tensor.shape[1] for tensor in outputs} == {"boxes": 6, "rels": 5}


def test_names_that_differ_in_spelling_only_are_the_same(here):
    labels = Path("segmenter/labels.yaml")
    content = yaml.safe_load(labels.read_text(encoding="utf-8"))
    content["things"][0]["name"], content["stuff"][0]["name"] = "red cup", "wall-other-merged"
    labels.write_text(yaml.safe_dump(content), encoding="utf-8")
    names = ["Red_Cup", *LABELS[1:3], "wall", *LABELS[4:]]
    write_react(here / "react.onnx", BOXES, RELATIONS, notes=metadata(names))
    assert convert() == 0


def test_what_only_the_file_knows_is_listed(here, capsys):
    words = [*WORDS[:-1], "kissing"]
    notes = metadata(["person", *LABELS[1:]], words)
    write_react(here / "react.onnx", BOXES, RELATIONS, notes=notes)
    assert convert() == 0
    printed = capsys.readouterr()
    assert "predicates: 3 of 4" in printed.out
    assert "unknown labels: person, white" in printed.err
    assert "unknown predicates: kissing" in printed.err


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ({}, "metadata obj_classes, found only no metadata"),
        ({"names": "{}"}, "metadata obj_classes, found only names"),
        ({"obj_classes": metadata()["obj_classes"]}, "rel_classes, found only obj_classes"),
        (metadata() | {"obj_classes": "['red']"}, "obj_classes, found \"['red']\""),
        (metadata() | {"rel_classes": '{"0": "on"}'}, "rel_classes, found"),
        (metadata() | {"rel_classes": "[1, 2]"}, "rel_classes, found '[1, 2]'"),
        (metadata() | {"rel_classes": "[" * 100_000}, "rel_classes, found '[[["),
        (metadata() | {"rel_classes": '["__background__"]'}, "rel_classes, found no name"),
        (metadata() | {"obj_classes": '["red", ""]'}, "obj_classes, found an empty name"),
        (metadata(["zebra"]), "no label in common"),
        (metadata(predicates=["kissing"]), "no predicate of the network of boxes"),
    ],
)
def test_damaged_metadata_is_refused_and_nothing_is_written(here, notes, said, capsys):
    write_react(here / "react.onnx", BOXES, RELATIONS, notes=notes)
    assert convert() == 2
    assert said in error_of(capsys)
    assert sorted(path.name for path in here.iterdir()) == ["react.onnx", "segmenter"]


def write_identity(path: Path, shape: tuple[int, ...], dtype: str = "float32") -> None:
    """Write a network that gives what it takes, with the right metadata."""
    tensors = [TensorSpec("input", dtype, shape)], [TensorSpec("output", dtype, shape)]
    content = network(
        "same", [node("Identity", ["input"], ["output"])], *tensors, {}, metadata=metadata()
    )
    path.write_bytes(content)


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (-1, 6)])
def test_another_network_is_refused_with_what_was_expected_and_found(here, shape, capsys):
    write_identity(here / "react.onnx", shape)
    assert convert() == 2
    error = error_of(capsys)
    assert "expected one input float32 [1, 3, height, width]" in error
    assert "[box, 6] and [relation, 5]" in error and f"output float32 {list(shape)}" in error


def test_a_file_that_is_no_onnx_is_refused(here, capsys):
    Path("react.onnx").write_bytes(b"PK\x03\x04 a pickle, perhaps")
    assert convert() == 2
    assert "react.onnx cannot be loaded, expected an ONNX model" in error_of(capsys)


def test_a_cut_file_is_refused(here, capsys):
    path = write_react(here / "react.onnx", BOXES, RELATIONS)
    path.write_bytes(path.read_bytes()[:-200])
    assert convert() == 2
    assert "react.onnx" in error_of(capsys) and not Path("model").exists()


def test_missing_files_are_named(here, capsys):
    assert convert() == 2
    assert "react.onnx does not exist" in error_of(capsys)
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert main(["convert", "react.onnx", "model", "--segmenter", "nobody"]) == 2
    assert "no model 'nobody'" in error_of(capsys)


def test_a_fused_model_has_no_segmenter_to_take(here, capsys):
    path = Path("segmenter/manifest.yaml")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    columns = content["artifacts"].pop("segmenter")
    head = columns["outputs"][0]
    pairs = {"dtype": "float32", "shape": [1, 5]}
    both = [pairs | {"name": f"{way}_logits"} for way in ("forward", "backward")]
    content |= {"form": "fused", "artifacts": {"fused": columns | {"outputs": [head, *both]}}}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert convert() == 2
    assert "no network that finds segments alone" in error_of(capsys)


def test_a_folder_with_something_in_it_is_left_alone(here, capsys):
    write_react(here / "react.onnx", BOXES, RELATIONS)
    Path("model").mkdir()
    Path("model/notes.txt").write_text("mine", encoding="utf-8")
    assert convert() == 2
    assert "model is not empty" in error_of(capsys)
    assert [path.name for path in Path("model").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--export", "elsewhere"], "--export is for segmenters"),
        (["--labels", "psg"], "--labels is for segmenters"),
        (["--min-iou", "0"], "min_iou must be above 0"),
        (["--min-iou", "nan"], "min_iou must be above 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(here, options, said, capsys):
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert convert(*options) == 2
    assert said in error_of(capsys) and not Path("model").exists()


def test_an_onnx_file_without_segmenter_says_what_is_missing(here, capsys):
    assert main(["convert", "react.onnx", "model"]) == 2
    assert "needs --segmenter MODEL" in error_of(capsys)
    assert main(["convert", "eomt.bin", "run", "--min-iou", "0.3"]) == 2
    assert "--min-iou belongs to --segmenter" in error_of(capsys)


def test_a_backend_that_cannot_run_the_file_is_not_chosen_for_it(here, monkeypatch, capsys):
    from psg_ros.network.checkpoints import react

    def picky(name, *args, **options):
        if name != "onnxruntime":
            raise ValueError("an operator of ONNX Runtime's own")
        return genuine(name, *args, **options)

    genuine = react.open_backend
    monkeypatch.setattr(react, "open_backend", picky)
    write_react(here / "react.onnx", BOXES, RELATIONS)
    assert convert() == 0
    assert "runs on onnxruntime only" in capsys.readouterr().out
    assert load_model("model").manifest.backend == "onnxruntime"


def test_the_published_names_of_psg_find_all_of_ours():
    """The published file names labels without -merged and -other."""
    from psg_ros.labels import bare_name, find_vocabulary

    ours = find_vocabulary("psg").label_names
    published = [name.replace("-merged", "").replace("-other", "") for name in ours]
    assert [bare_name(name) for name in published] == [bare_name(name) for name in ours]
    assert len({bare_name(name) for name in ours}) == len(ours) == 133


def test_the_scene_is_that_of_the_boxes():
    """So that a test which finds nothing finds it for its own reason."""
    assert tuple(SCENE[48, 48]) == COLORS["red"] and tuple(SCENE[48, 144]) == COLORS["blue"]
    assert not np.any(SCENE[:24])
