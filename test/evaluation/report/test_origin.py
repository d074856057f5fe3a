# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a report says about where its figures come from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from backends import needs
from tiny_psg import VOCABULARY, change_json, write_tiny_psg

from psg_ros.config import PipelineConfig
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.report.origin import coverage_notes, describe_model, describe_origin
from psg_ros.robot.pipeline import Pipeline

SETTINGS = {
    "score_threshold": 0.25,
    "overlap_threshold": 0.5,
    "relation_threshold": 0.75,
    "merge_resolution": "mask",
    "min_segment_area": 0.0002,
    "max_relations": 7,
    "max_segments": 9,
    "region": (0.0, 0.0, 0.5, 1.0),
    "classes": ("red", "blue"),
    "pairs": ("red - anything",),
    "relation_source": "both",
    "geometry_threshold": 0.6,
}


def describe(tiny_model: Path, **settings) -> tuple[Pipeline, dict[str, str]]:
    config = PipelineConfig(model=str(tiny_model), threads=1, **settings)
    with Pipeline.open(config) as pipeline:
        return pipeline, describe_model(pipeline)


def test_all_settings_that_decide_the_figures_are_described(tiny_model):
    pipeline, facts = describe(tiny_model, **SETTINGS, precision="fp32")
    assert facts == {
        "name": "tiny",
        "model_sha256": pipeline.model_sha256,
        "backend": pipeline.backend_name,
        "device": "cpu",
        "precision": "fp32",
        "scaling": "area",
        **{name: str(value) for name, value in SETTINGS.items()},
        "region": "0.0, 0.0, 0.5, 1.0",
        "classes": "red, blue",
        "pairs": "red - anything",
    }


def test_thresholds_of_the_model_are_described_by_their_value(tiny_model):
    pipeline, facts = describe(tiny_model)
    for name in ("score_threshold", "overlap_threshold", "relation_threshold"):
        assert facts[name] == str(getattr(pipeline.manifest, name))
        assert float(facts[name]) >= 0
    assert (facts["merge_resolution"], facts["max_segments"]) == ("input", "0")


def test_the_precision_is_the_one_in_use_never_auto(tiny_model):
    pipeline, facts = describe(tiny_model, precision="auto")
    assert facts["precision"] == pipeline.precision
    assert pipeline.precision in ("fp32", "bf16"), "which of them depends on the processor"


@needs("onnxruntime")
def test_onnx_runtime_computes_in_fp32_whatever_the_processor(tiny_model):
    _, facts = describe(tiny_model, precision="auto", backend="onnxruntime")
    assert facts["precision"] == "fp32"


def test_how_images_are_scaled_is_the_models(tiny_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    manifest = model / "manifest.yaml"
    assert describe(model)[1]["scaling"] == "area"
    manifest.write_text(manifest.read_text() + "scaling: eomt\n")
    assert describe(model)[1]["scaling"] == "eomt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images 0 to 4 are the test split."""
    folder = write_tiny_psg(tmp_path / "set")
    change_json(folder / "psg.json", lambda c: c.update(test_image_ids=list("01234")))
    return folder


def test_of_a_whole_split_nothing_is_left_out(folder):
    dataset = open_dataset(folder, VOCABULARY, "test")
    origin = describe_origin({"name": "mine", "by": "us"}, Path("rooms"), dataset)
    unsaid = dict.fromkeys(("merge_resolution", "precision", "scaling"), "not said")
    assert origin == {
        "model": "mine", "by": "us", "data": "rooms", "split": "test", "images": "all 5",
        "broken_images": "0", "unlabelled_images": "0", **unsaid,
        "annotations_sha256": dataset.fingerprint["sha256"],
    }  # fmt: skip
    assert coverage_notes(origin) == []


def test_broken_and_unlabelled_images_are_counted(folder):
    (folder / "1.png").write_bytes(b"")
    change_json(folder / "psg.json", lambda c: c["test_image_ids"].extend(["x", "y"]))
    dataset = open_dataset(folder, VOCABULARY, "test", partial=True, skip_broken=True)
    origin = describe_origin({}, folder, dataset)
    assert (origin["model"], origin["images"]) == ("unnamed", "4 of 7")
    assert (origin["broken_images"], origin["unlabelled_images"]) == ("1", "2")
    assert coverage_notes(origin) == [
        "Images left out: 1 broken, 2 without labels. Not a result to compare."
    ]


@pytest.mark.parametrize(("limit", "said"), [(2, "the first 2 of 5"), (5, "all 5"), (9, "all 5")])
def test_a_limit_is_told_where_it_limits(folder, limit, said):
    dataset = open_dataset(folder, VOCABULARY, "test")
    origin = describe_origin({}, folder, dataset, limit)
    assert origin["images"] == said
    assert bool(coverage_notes(origin)) == (limit < 5)
