# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg benchmark: each mode from the command line to the files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import yaml
from backends import needs
from tiny_model import paint

from psg_ros.__main__ import main

MODEL = {
    "name": "tiny",
    "segmenter": {
        "input_hw": [192, 192],
        "dim": 32,
        "depth": 2,
        "num_heads": 2,
        "num_queries": 16,
        "num_query_blocks": 1,
        "taps": [0, 1],
    },
    "relations": {"dim": 24, "depth": 2, "num_heads": 2, "head_hidden": 16},
}


@pytest.fixture
def model_config(tmp_path: Path) -> Path:
    pytest.importorskip("torch", reason="needs the extra train")
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(MODEL))
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), paint((240, 320), {"red": (20, 20, 100, 100)})[..., ::-1])
    return path


def ladder(model_config: Path, *options: object) -> int:
    fixed = ["--ladder", "--model-config", model_config, "--masks", 4, "--threads", 1]
    return main(["benchmark", *map(str, [*fixed, *options])])


def test_ladder_prints_a_row_a_step_and_writes_both_files(model_config, tmp_path, capsys):
    files = ["--json", tmp_path / "l.json", "--markdown", tmp_path / "l.md"]
    steps = ["--steps", "per_mask", "both_ways"]
    assert ladder(model_config, *steps, "--repeats", 2, "--size", "192x144", *files) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[2:4]] == ["2", "3"]
    assert "random weights" in printed and "4 synthetic segments" in printed
    content = json.loads((tmp_path / "l.json").read_text())
    assert [row["sequences"] for row in content["rows"]] == [12, 6]
    assert content["settings"]["repeats"] == 2
    assert content["machine"]["torch"] and content["command"].split()[0] == "psg"
    assert (tmp_path / "l.md").read_text().count("| ratios once per mask |") == 1


@pytest.mark.slow
@needs("onnxruntime")
def test_ladder_ends_with_the_exported_network(model_config, tmp_path):
    file = tmp_path / "l.json"
    options = ["--steps", "packed", "--deployed", "--backend", "onnxruntime", "--precision", "fp32"]
    assert ladder(model_config, *options, "--size", "192x144", "--json", file) == 0
    packed, deployed = json.loads(file.read_text())["rows"]
    assert deployed["step"]["deployed"] and deployed["relations"] == packed["relations"] == 12
    assert deployed["parameters"] == packed["parameters"]
    assert deployed["device"].endswith("onnxruntime on cpu")
    assert packed["mean_tokens"] <= deployed["mean_tokens"] <= 16 + 2


def test_step_that_cannot_be_measured_is_shown_and_makes_the_status_one(tmp_path, capsys):
    pytest.importorskip("torch", reason="needs the extra train")
    path = tmp_path / "odd.yaml"
    # 144 px are not a whole number of DSFormer's cells.
    segmenter = {**MODEL["segmenter"], "input_hw": [144, 192]}
    path.write_text(yaml.safe_dump({**MODEL, "segmenter": segmenter}))
    assert ladder(path, "--steps", "dsformer", "--repeats", 1) == 1
    assert "failed: ValueError: input_hw" in capsys.readouterr().out


def test_stages_of_a_model_folder(tiny_model: Path, photo: Path, tmp_path: Path, capsys):
    files = ["--json", tmp_path / "s.json", "--markdown", tmp_path / "s.md"]
    options = ["--model", tiny_model, "--image", photo, "--frames", 3, "--warmup", 0, *files]
    assert main(["benchmark", "--stages", *map(str, options)]) == 0
    assert "whole frame" in capsys.readouterr().out
    content = json.loads((tmp_path / "s.json").read_text())
    assert content["frames"] == 3 and content["model"] == "tiny"
    assert {"decode", "merge", "relations", "drawing"} <= content["ms_median_p95"].keys()
    assert "| whole frame |" in (tmp_path / "s.md").read_text()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--stages", "--masks", "5"], "--masks cannot be used with --stages"),
        (["--stages", "--deployed"], "--deployed cannot be used with --stages"),
        (["--ladder", "--frames", "5"], "--frames cannot be used with --ladder"),
        (["--ladder", "--model", "demo"], "--model cannot be used with --ladder"),
        (["--ladder", "--pipeline", "p.yaml"], "--pipeline cannot be used with --ladder"),
        (["--ladder", "--json", "/nowhere/x.json"], "/nowhere"),
        (["--peers", "--steps", "packed"], "--steps cannot be used with --peers"),
        (["--stages", "--only", "eomt"], "--only cannot be used with --stages"),
        (["--ladder", "--rate", "5"], "--rate cannot be used with --ladder"),
        (["--topics", "--masks", "5"], "--masks cannot be used with --topics"),
        (["--peers", "--plot", "/nowhere/x.png"], "/nowhere"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_measured(options, named, capsys):
    assert main(["benchmark", *options]) == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--steps", "pack"], "no step 'pack'; known: dsformer"),
        (["--variant", "s", "--weights", "runs/x"], "choose one of --variant"),
        (["--weights", "nowhere"], "nowhere is not a finished run"),
    ],
)
def test_a_ladder_that_cannot_be_built_is_refused(options, named, capsys):
    pytest.importorskip("torch", reason="needs the extra train")
    assert main(["benchmark", "--ladder", *options]) == 2
    assert named in capsys.readouterr().err


def test_one_of_the_modes_must_be_chosen(capsys):
    with pytest.raises(SystemExit):
        main(["benchmark"])
    error = capsys.readouterr().err
    assert "one of the arguments --stages --ladder --peers --topics is required" in error


def test_times_of_the_pipeline_need_no_torch(tiny_model: Path, photo: Path):
    options = ["--stages", "--model", str(tiny_model), "--image", str(photo), "--frames", "1"]
    code = f"""
import sys
from psg_ros.__main__ import main
assert main(["benchmark", *{options!r}]) == 0
print(sorted({{"torch", "jaxtyping"}} & {{*sys.modules}}))
"""
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.stdout.splitlines()[-1:] == ["[]"], finished.stderr


@pytest.mark.slow
@needs("onnxruntime")
@needs("openvino")
def test_peers_are_compared_in_a_table_and_both_files(model_config, tmp_path, capsys):
    files = ["--json", tmp_path / "p.json", "--markdown", tmp_path / "p.md"]
    options = ["--only", "openvino-fp32", "onnxruntime-fp32", "--masks", 4]
    options += ["--model-config", model_config, "--size", "192x144", "--repeats", 2, *files]
    assert main(["benchmark", "--peers", "--threads", "1", *map(str, options)]) == 0
    assert "the same 4 segments for all" in capsys.readouterr().out
    content = json.loads((tmp_path / "p.json").read_text())
    assert [row["peer"] for row in content["rows"]] == ["openvino-fp32", "onnxruntime-fp32"]
    assert all(len(row["result"]["frame"]["wall_ms"]) == 2 for row in content["rows"])
    assert "| psg_ros, onnxruntime fp32 | panoptic |" in (tmp_path / "p.md").read_text()


@pytest.mark.ros
@pytest.mark.slow
def test_topics_say_where_the_time_of_an_image_goes(tiny_model, photo, tmp_path, capfd):
    pytest.importorskip("rclpy")
    pytest.importorskip("psg_ros.msg")
    files = ["--json", tmp_path / "t.json", "--markdown", tmp_path / "t.md"]
    options = ["--model", tiny_model, "--image", photo, "--frames", 5, "--rate", 20, *files]
    # A process of its own: ROS is initialised once in one.
    command = [sys.executable, "-m", "psg_ros", "benchmark", "--topics", *map(str, options)]
    assert subprocess.run(command, timeout=200).returncode == 0
    assert "5 images of 320x240 px, rgb8, one at a time, 1 nodes" in capfd.readouterr().out
    content = json.loads((tmp_path / "t.json").read_text())
    times = {name: values[1] for name, values in content["ms_least_median_p95_p99"].items()}
    total, overhead = times["image to graph"], times["of it not the pipeline"]
    assert 0 < overhead < total and all(value >= 0 for value in times.values())
    assert content["peak_mib"] > 20 and content["startup_s"] > 0
    assert "| way in |" in (tmp_path / "t.md").read_text()
