# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg convert: from a public checkpoint to a run folder, a model folder and a prediction."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from absent_packages import hide  # noqa: E402
from eomt_checkpoints import save_published_s, small_weights, upstream_weights  # noqa: E402

from psg_ros.__main__ import main  # noqa: E402
from psg_ros.robot.manifest import load_model_folder  # noqa: E402
from psg_ros.setting_files import load_config  # noqa: E402
from psg_ros.training.checkpoint import load_weights  # noqa: E402
from psg_ros.training.config import TrainConfig  # noqa: E402
from psg_ros.training.train import build_model, vocabulary_of  # noqa: E402


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "public.bin"
    torch.save(upstream_weights("DINOv2", small_weights("DINOv2")), path)
    return path


def test_the_run_folder_is_ready_for_the_second_stage(checkpoint, tmp_path, capsys):
    out = tmp_path / "runs" / "small"
    assert main(["convert", str(checkpoint), str(out)]) == 0
    printed = capsys.readouterr()
    assert "EoMT-custom, DINOv2, upstream layout: 133 labels, 6 queries" in printed.out
    assert printed.err == ""
    config = load_config(TrainConfig, out / "relations.yaml")
    assert (config.out, config.labels) == (str(out), "psg")
    model = build_model(config, vocabulary_of(config))
    assert model.config.segmenter.input_hw == (96, 96)
    assert model.config.scaling == "eomt", "a later export must say so, too"
    model.segmenter.load_state_dict(load_weights(out / "segmenter.safetensors"), strict=True)
    for name, tensor in small_weights("DINOv2").items():
        torch.testing.assert_close(model.segmenter.state_dict()[name], tensor, atol=0, rtol=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_the_model_folder_finds_segments_and_relates_none(checkpoint, tmp_path):
    folder = tmp_path / "model"
    arguments = [str(checkpoint), str(tmp_path / "run"), "--export", str(folder)]
    assert main(["convert", *arguments]) == 0
    manifest = load_model_folder(str(folder)).manifest
    assert (manifest.form, manifest.scaling) == ("segmenter_only", "eomt")
    everything = ["--relation-threshold", "0", "--score-threshold", "0", "--overlap-threshold", "0"]
    graph = predicted(folder, tmp_path, [*everything, "--relation-source", "model"])
    assert graph["nodes"] and graph["relations"] == []


def predicted(folder: Path, tmp_path: Path, options: list[str]) -> dict:
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "picture.png"), cv2.GaussianBlur(picture, (15, 15), 0))
    target = tmp_path / "graph.json"
    source = ["predict", str(tmp_path / "picture.png"), "--model", str(folder)]
    assert main([*source, "--json", str(target), "--threads", "1", *options]) == 0
    return json.loads(target.read_text())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_converted_s_at_its_published_size_predicts(tmp_path):
    """Random weights in transformers' layout; every query is kept, so that there are segments."""
    source, folder = save_published_s(tmp_path / "source"), tmp_path / "eomt_s"
    assert main(["convert", str(source), str(tmp_path / "run"), "--export", str(folder)]) == 0
    manifest = load_model_folder(str(folder)).manifest
    assert manifest.description.startswith("EoMT-S, DINOv2, transformers layout: 133 labels, 200")
    assert (manifest.form, manifest.input_hw) == ("segmenter_only", (640, 640))
    assert (manifest.mask_stride, manifest.grid_hw) == (4, None)
    assert manifest.scaling == "transformers"
    options = ["--score-threshold", "0", "--overlap-threshold", "0", "--max-segments", "8"]
    graph = predicted(folder, tmp_path, options)
    assert graph["model"] == "eomt_s"
    assert len(graph["nodes"]) >= 1


def test_labels_of_another_number_are_refused(checkpoint, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["convert", str(checkpoint), str(out), "--labels", "simulation"]) == 2
    assert "the checkpoint knows 133 labels, but simulation has" in capsys.readouterr().err
    assert not out.exists()


def test_unknown_labels_are_refused_with_those_there_are(checkpoint, tmp_path, capsys):
    assert main(["convert", str(checkpoint), str(tmp_path / "run"), "--labels", "coco"]) == 2
    error = capsys.readouterr().err
    assert "no vocabulary 'coco'" in error and "give one of photo, psg, simulation" in error


def test_a_folder_with_a_segmenter_is_not_overwritten(checkpoint, tmp_path, capsys):
    assert main(["convert", str(checkpoint), str(tmp_path / "run")]) == 0
    assert main(["convert", str(checkpoint), str(tmp_path / "run")]) == 2
    assert "holds a segmenter; choose another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--merge-ratio", "1"], "merge_ratio must lie in 0 .. 1 (exclusive), not 1.0"),
        (["--export", "file"], "file is a file; expected a folder"),
        (["--export", "file/inside"], "file is a file; expected a folder"),
    ],
    ids=str,
)
def test_an_export_that_cannot_be_leaves_the_run_folder_free(
    checkpoint, tmp_path, monkeypatch, capsys, options, said
):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("", encoding="utf-8")
    export = [] if "--export" in options else ["--export", "model"]
    assert main(["convert", str(checkpoint), "run", *export, *options]) == 2
    assert said in capsys.readouterr().err
    assert not Path("run").exists() and not Path("model").exists()
    assert main(["convert", str(checkpoint), "run"]) == 0, "a corrected command can use it"


def small_input(weights: dict) -> dict:
    """DINOv2 of 2 x 2 patches: fewer than one cell of the relation stage."""
    position = "network.encoder.backbone.pos_embed"
    return weights | {position: weights[position][:, :4].clone()}


def not_finite(weights: dict) -> dict:
    return weights | {"network.q.weight": weights["network.q.weight"] / 0}


@pytest.mark.parametrize(
    ("change", "said"),
    [(small_input, "is not one whole cell"), (not_finite, "q.weight is not finite")],
)
def test_what_cannot_be_converted_leaves_no_folder(change, said, checkpoint, tmp_path, capsys):
    torch.save(change(upstream_weights("DINOv2", small_weights("DINOv2"))), checkpoint)
    out, model = tmp_path / "new" / "run", tmp_path / "shelf" / "model"
    assert main(["convert", str(checkpoint), str(out), "--export", str(model)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [checkpoint]


@pytest.mark.parametrize("step", ["export_segments", "save_weights"])
def test_a_full_disk_leaves_no_folder(step, checkpoint, tmp_path, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"psg_ros.training.adopted.{step}", full)
    export = ["--export", str(tmp_path / "model")] if step == "export_segments" else []
    assert main(["convert", str(checkpoint), str(tmp_path / "new" / "run"), *export]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_a_file_in_the_place_of_the_run_folder_is_refused_early(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["convert", "not read", str(tmp_path / "file" / "run")]) == 2
    assert "file is a file; expected a folder" in capsys.readouterr().err


def test_a_missing_checkpoint_is_named(tmp_path, capsys):
    assert main(["convert", "missing.bin", str(tmp_path / "run")]) == 2
    assert "missing.bin is neither" in capsys.readouterr().err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    assert "--backbone dinov3-vits16/model.safetensors" in capsys.readouterr().out


def test_without_torch_the_extra_is_named(capsys, monkeypatch):
    hide(monkeypatch, "torch", "psg_ros.network.checkpoints", "psg_ros.training")
    assert main(["convert", "a.bin", "out"]) == 1
    assert "pip install '.[train]'" in capsys.readouterr().err
