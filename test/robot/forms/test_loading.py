# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which artifacts and columns a model of each form must have."""

from __future__ import annotations

import shutil

import pytest
import yaml

from psg_ros.robot.forms import FORMS, load_model, make_form
from psg_ros.robot.forms.fused import Fused
from psg_ros.robot.forms.segmenter_and_boxes import SegmenterAndBoxes
from psg_ros.robot.forms.segmenter_only import SegmenterOnly
from psg_ros.robot.forms.two_files import TwoFiles


@pytest.fixture
def folder(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "copy")


def change(folder, edit):
    file = folder / "manifest.yaml"
    content = yaml.safe_load(file.read_text())
    edit(content)
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def fuse(content):
    """Name the file of the relation stage as if it were a fused one."""
    artifacts = content["artifacts"]
    columns = artifacts.pop("segmenter")["outputs"][0]
    artifacts["fused"] = artifacts.pop("relations")
    artifacts["fused"]["outputs"].append(columns)
    content["form"] = "fused"


def leave_segments(content):
    """Keep the segmenter alone."""
    content["artifacts"].pop("relations")
    for key in ("grid_hw", "cell_px"):
        content.pop(key)
    content["form"] = "segmenter_only"


def test_every_form_is_found_by_its_name():
    expected = {
        "two_files": TwoFiles,
        "fused": Fused,
        "segmenter_only": SegmenterOnly,
        "segmenter_and_boxes": SegmenterAndBoxes,
    }
    assert expected == FORMS


@pytest.mark.parametrize("edit", [fuse, leave_segments], ids=["fused", "segmenter_only"])
def test_other_forms_than_two_files_are_read(folder, edit):
    change(folder, edit)
    manifest = load_model(str(folder)).manifest
    assert set(manifest.artifacts) == set(FORMS[manifest.form].ARTIFACTS)


def test_an_unknown_form_is_refused_with_the_known_ones(folder):
    change(folder, lambda content: content.update(form="three_files"))
    with pytest.raises(ValueError, match="form must be one of two_files, fused, .*'three_files'"):
        load_model(str(folder))


@pytest.mark.parametrize(
    ("removed", "found"),
    [
        (["relations"], "segmenter"),
        (["segmenter"], "relations"),
        (["segmenter", "relations"], "none"),
    ],
)
def test_half_a_model_is_refused(folder, removed, found):
    change(folder, lambda content: [content["artifacts"].pop(name) for name in removed])
    with pytest.raises(ValueError, match=f"artifacts segmenter and relations, not {found}"):
        load_model(str(folder))


def test_an_artifact_too_many_is_refused(folder):
    change(folder, lambda c: c["artifacts"].update(fused=dict(c["artifacts"]["relations"])))
    with pytest.raises(ValueError, match="not segmenter and relations and fused"):
        load_model(str(folder))


@pytest.mark.parametrize("key", ["grid_hw", "cell_px"])
def test_a_relation_stage_without_its_grid_is_refused(folder, key):
    change(folder, lambda content: content.pop(key))
    with pytest.raises(ValueError, match="a relation stage needs grid_hw and cell_px"):
        load_model(str(folder))


@pytest.mark.parametrize(
    ("section", "entry", "message"),
    [
        ("things", {"name": "orange", "color": "#ff8000"}, "class_logits has 7 columns .* need 8"),
        ("predicates", {"name": "near"}, "forward_logits has 5 columns .* need 6"),
    ],
)
def test_labels_of_another_model_are_refused(folder, section, entry, message):
    file = folder / "labels.yaml"
    content = yaml.safe_load(file.read_text())
    content[section].append(entry)
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=message):
        load_model(str(folder))


@pytest.mark.parametrize("edit", [fuse, leave_segments], ids=["fused", "segmenter_only"])
def test_labels_of_another_model_are_refused_in_every_form(folder, edit):
    def widen(content):
        (artifact,) = content["artifacts"].values()
        next(t for t in artifact["outputs"] if t["name"] == "class_logits")["shape"][-1] = 9

    change(folder, edit)
    change(folder, widen)
    with pytest.raises(ValueError, match="class_logits has 9 columns"):
        load_model(str(folder))


@pytest.mark.parametrize("output", ["forward_logits", "backward_logits"])
def test_both_directions_must_be_there(folder, output):
    def edit(content):
        outputs = content["artifacts"]["relations"]["outputs"]
        outputs[:] = [tensor for tensor in outputs if tensor["name"] != output]

    change(folder, edit)
    with pytest.raises(ValueError, match=f"artifact relations has no output '{output}'"):
        load_model(str(folder))


def test_a_manifest_without_the_promised_output_is_refused(folder):
    change(folder, lambda content: content["artifacts"]["segmenter"]["outputs"].pop(0))
    with pytest.raises(ValueError, match="artifact segmenter has no output 'class_logits'"):
        load_model(str(folder))


def test_a_form_takes_one_backend_per_artifact(tiny_model):
    with pytest.raises(ValueError, match="not enough values to unpack"):
        make_form(load_model(str(tiny_model)), object())
