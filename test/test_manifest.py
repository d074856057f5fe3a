# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Model folders: what is accepted, and what a damaged one says."""

from __future__ import annotations

import shutil

import pytest
import yaml
from tiny_model import write_tiny_model

from psg_ros import manifest as manifest_module
from psg_ros.manifest import find_model, load_model_folder


@pytest.fixture
def folder(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "copy")


def change(folder, edit):
    file = folder / "manifest.yaml"
    content = yaml.safe_load(file.read_text())
    edit(content)
    file.write_text(yaml.safe_dump(content))


def test_a_written_model_reads_back(tiny_model):
    model = load_model_folder(str(tiny_model))
    assert model.manifest.input_hw == (64, 96)
    assert model.manifest.grid_hw == (4, 6)
    assert model.manifest.relations.inputs[1].shape == (-1, 24)
    assert model.vocabulary.label_names[:3] == ("red", "green", "blue")
    assert model.artifact_path("segmenter") == tiny_model.resolve() / "segmenter.onnx"


def test_writing_a_model_twice_gives_the_same_bytes(tiny_model, tmp_path):
    again = write_tiny_model(tmp_path / "again")
    for file in tiny_model.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_a_shipped_model_is_found_by_its_name(tiny_model, tmp_path, monkeypatch):
    shutil.copytree(tiny_model, tmp_path / "models" / "shipped")
    monkeypatch.setattr(manifest_module, "share_path", lambda: tmp_path)
    assert find_model("shipped") == (tmp_path / "models" / "shipped").resolve()


def test_a_wrong_name_lists_the_shipped_models(tiny_model, tmp_path, monkeypatch):
    for name in ("small", "large"):
        shutil.copytree(tiny_model, tmp_path / "models" / name)
    monkeypatch.setattr(manifest_module, "share_path", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no model 'smal'.*\['large', 'small'\]"):
        find_model("smal")


def test_images_are_scaled_by_areas_unless_the_manifest_says_otherwise(folder):
    assert load_model_folder(str(folder)).manifest.scaling == "area"
    change(folder, lambda content: content.update(scaling="eomt"))
    assert load_model_folder(str(folder)).manifest.scaling == "eomt"


@pytest.mark.parametrize(
    ("scaling", "message"),
    [("lanczos", "scaling must be one of area, eomt"), ("transformers", "needs a square input")],
)
def test_an_impossible_scaling_is_refused(folder, scaling, message):
    change(folder, lambda content: content.update(scaling=scaling))
    with pytest.raises(ValueError, match=message):
        load_model_folder(str(folder))


def test_an_unknown_key_is_refused_with_the_nearest_known_one(folder):
    change(folder, lambda content: content.update(mask_strid=4))
    with pytest.raises(ValueError, match="manifest.yaml: unknown key 'mask_strid'.*'mask_stride'"):
        load_model_folder(str(folder))


def test_a_missing_key_is_named(folder):
    change(folder, lambda content: content.pop("cell_px"))
    with pytest.raises(ValueError, match="manifest.yaml: .*cell_px"):
        load_model_folder(str(folder))


def test_another_format_is_refused(folder):
    change(folder, lambda content: content.update(format=2))
    with pytest.raises(ValueError, match="manifest format 2"):
        load_model_folder(str(folder))


@pytest.mark.parametrize("stage", ["segmenter", "relations"])
def test_changed_weights_are_refused_by_name(folder, stage):
    file = folder / f"{stage}.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match=f"{stage}.onnx is damaged or belongs to another manifest"):
        load_model_folder(str(folder))


def test_missing_weights_are_named(folder):
    (folder / "relations.onnx").unlink()
    with pytest.raises(FileNotFoundError, match="relations.onnx is missing"):
        load_model_folder(str(folder))


def test_weights_outside_the_folder_are_refused(folder):
    change(folder, lambda content: content["segmenter"].update(file="../segmenter.onnx"))
    with pytest.raises(ValueError, match="inside the folder"):
        load_model_folder(str(folder))


@pytest.mark.parametrize(
    ("section", "entry", "message"),
    [
        ("things", {"name": "orange", "color": "#ff8000"}, "class_logits has 7 columns .* needs 8"),
        ("predicates", {"name": "near"}, "forward_logits has 5 columns .* needs 6"),
    ],
)
def test_labels_of_another_model_are_refused(folder, section, entry, message):
    file = folder / "labels.yaml"
    content = yaml.safe_load(file.read_text())
    content[section].append(entry)
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=message):
        load_model_folder(str(folder))


def test_a_manifest_without_the_promised_output_is_refused(folder):
    change(folder, lambda content: content["segmenter"]["outputs"].pop(0))
    with pytest.raises(ValueError, match="stage segmenter has no output 'class_logits'"):
        load_model_folder(str(folder))


def fuse(content):
    """Name the file of the relation stage as if it were a fused one."""
    content["fused"] = content.pop("relations")
    columns = content.pop("segmenter")["outputs"][0]
    content["fused"]["outputs"].append(columns)


def test_one_fused_file_takes_the_place_of_both_stages(folder):
    change(folder, fuse)
    (folder / "segmenter.onnx").unlink()
    model = load_model_folder(str(folder))
    assert model.manifest.stages == ("fused",)
    assert model.artifact_path("fused") == folder.resolve() / "relations.onnx"
    with pytest.raises(ValueError, match="tiny has no artifact segmenter, but fused"):
        model.artifact_path("segmenter")


def test_a_changed_fused_file_is_refused(folder):
    change(folder, fuse)
    file = folder / "relations.onnx"
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(ValueError, match="relations.onnx is damaged"):
        load_model_folder(str(folder))


def test_labels_of_another_model_are_refused_with_a_fused_file(folder):
    change(folder, fuse)
    change(folder, lambda content: content["fused"]["outputs"][-1]["shape"].append(9))
    with pytest.raises(ValueError, match="class_logits has 9 columns"):
        load_model_folder(str(folder))


@pytest.mark.parametrize(
    ("removed", "found"),
    [
        (["relations"], "segmenter"),
        (["segmenter"], "relations"),
        (["segmenter", "relations"], "none"),
    ],
)
def test_half_a_model_is_refused(folder, removed, found):
    change(folder, lambda content: [content.pop(stage) for stage in removed])
    with pytest.raises(ValueError, match=f"segmenter and relations, or fused alone, not {found}"):
        load_model_folder(str(folder))


def test_a_fused_file_beside_the_two_is_refused(folder):
    change(folder, lambda content: content.update(fused=dict(content["relations"])))
    with pytest.raises(ValueError, match="not segmenter, relations, fused"):
        load_model_folder(str(folder))
