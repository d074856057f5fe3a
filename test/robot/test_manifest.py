# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Model folders: what is accepted, and what a damaged one says."""

from __future__ import annotations

import shutil

import pytest
import yaml
from tiny_model import write_tiny_model

from psg_ros import resources
from psg_ros.backend_table import TWINS
from psg_ros.file_digest import file_sha256
from psg_ros.robot.manifest import TensorSpec, find_model, load_model_folder


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
    assert model.manifest.artifact("relations").inputs[1].shape == (-1, 24)
    assert model.vocabulary.label_names[:3] == ("red", "green", "blue")
    assert model.artifact_path("segmenter") == tiny_model.resolve() / "segmenter.onnx"


def test_writing_a_model_twice_gives_the_same_bytes(tiny_model, tmp_path):
    again = write_tiny_model(tmp_path / "again")
    for file in tiny_model.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_a_shipped_model_is_found_by_its_name(tiny_model, tmp_path, monkeypatch):
    shutil.copytree(tiny_model, tmp_path / "models" / "shipped")
    monkeypatch.setattr(resources, "share_path", lambda: tmp_path)
    assert find_model("shipped") == (tmp_path / "models" / "shipped").resolve()


def test_a_fetched_model_is_found_by_its_name(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("PSG_MODELS", str(tmp_path / "fetched"))
    shutil.copytree(tiny_model, tmp_path / "fetched" / "public")
    assert find_model("public") == (tmp_path / "fetched" / "public").resolve()


@pytest.mark.parametrize("variable", ["XDG_DATA_HOME", "HOME"])
def test_fetched_models_lie_in_the_users_data(variable, tiny_model, tmp_path, monkeypatch):
    for name in ("PSG_MODELS", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    data = tmp_path if variable == "XDG_DATA_HOME" else tmp_path / ".local" / "share"
    folder = data / "psg_ros" / "models" / "public"
    shutil.copytree(tiny_model, folder)
    assert find_model("public") == folder.resolve()


def test_a_public_model_that_is_not_here_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PSG_MODELS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="fetch it with: psg models get lightly_s"):
        find_model("lightly_s")


def test_a_wrong_name_lists_the_shipped_models(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("PSG_MODELS", str(tmp_path / "fetched"))
    for name in ("small", "large"):
        shutil.copytree(tiny_model, tmp_path / "models" / name)
    monkeypatch.setattr(resources, "share_path", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no model 'smal'.*\(large, small\)"):
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
    change(folder, lambda content: content.pop("mask_stride"))
    with pytest.raises(ValueError, match="manifest.yaml: .*mask_stride"):
        load_model_folder(str(folder))


def test_another_format_is_refused(folder):
    change(folder, lambda content: content.update(format=1))
    with pytest.raises(ValueError, match="manifest format 1.*export the model again"):
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
    outside = {"file": "../segmenter.onnx"}
    change(folder, lambda content: content["artifacts"]["segmenter"].update(outside))
    with pytest.raises(ValueError, match="inside the folder"):
        load_model_folder(str(folder))


def test_the_greatest_shape_of_a_tensor_is_its_own_where_no_axis_is_free():
    assert TensorSpec("image", "uint8", (1, 4, 4, 3)).greatest == (1, 4, 4, 3)
    assert TensorSpec("boxes", "float32", (-1, 8), (6, 8)).greatest == (6, 8)


@pytest.mark.parametrize("maximum", [None, [200], [200, 9], [-1, 8], [0, 8], [200, 8, 1]])
def test_a_free_axis_without_a_fitting_maximum_is_refused(folder, maximum):
    def edit(content):
        boxes = content["artifacts"]["relations"]["inputs"][3]
        assert boxes.pop("maximum") == [200, 8]
        if maximum is not None:
            boxes["maximum"] = maximum

    change(folder, edit)
    with pytest.raises(ValueError, match=r"tensor boxes of shape \[-1, 8\] needs a maximum"):
        load_model_folder(str(folder))


def test_an_unknown_artifact_is_refused_with_the_known_ones(folder):
    model = load_model_folder(str(folder))
    with pytest.raises(ValueError, match="tiny has no artifact fused, but segmenter, relations"):
        model.artifact_path("fused")


def with_twin(folder, kind, **facts):
    """Give a model a twin of its segmenter: the same network in a file of its own."""
    twin = folder / f"segmenter.{kind}.onnx"
    shutil.copyfile(folder / "segmenter.onnx", twin)
    entry = {"file": twin.name, "sha256": file_sha256(twin)}
    change(folder, lambda content: content.update({kind: {"files": {"segmenter": entry}, **facts}}))
    return twin


@pytest.mark.parametrize("kind", TWINS)
def test_a_twin_stands_for_its_artifact(folder, kind):
    losses = {"openvino": {"pq": 0.2, "mean_recall": -0.1}}
    with_twin(folder, kind, losses=losses, made_by="psg quantize mine")
    model = load_model_folder(str(folder))
    assert model.artifact_path("segmenter", twin=kind).name == f"segmenter.{kind}.onnx"
    assert model.artifact_path("segmenter").name == "segmenter.onnx"
    assert model.artifact_path("relations", twin=kind).name == "relations.onnx", "it has no twin"
    usual, twin = (model.manifest.artifact("segmenter", twin=name) for name in ("", kind))
    assert twin.inputs == usual.inputs and twin.outputs == usual.outputs
    assert (usual.twin, twin.twin) == ("", kind)


def test_twins_of_both_kinds_may_lie_side_by_side(folder):
    for kind in TWINS:
        with_twin(folder, kind)
    assert list(load_model_folder(str(folder)).manifest.twins) == ["int8", "fp8"]


@pytest.mark.parametrize("kind", TWINS)
def test_a_damaged_twin_is_named(folder, kind):
    with_twin(folder, kind).write_bytes(b"")
    with pytest.raises(ValueError, match=rf"segmenter\.{kind}\.onnx is damaged"):
        load_model_folder(str(folder))


@pytest.mark.parametrize("kind", TWINS)
def test_a_twin_of_nothing_is_refused(folder, kind):
    with_twin(folder, kind)
    change(folder, lambda content: content[kind]["files"].update(x={"file": "x", "sha256": ""}))
    with pytest.raises(ValueError, match=f"{kind} has files of x, which are no artifacts"):
        load_model_folder(str(folder))
