# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg quantize: where its pictures come from, and what it says when something is missing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import pytest
from tiny_model import paint

pytest.importorskip("onnx")

from psg_ros.__main__ import main
from psg_ros.robot.manifest import load_model_folder
from psg_ros.training import quantization


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for index in range(7):
        image = paint((64, 96), {"red": (index, 0, 40, 40)})
        (tmp_path / "pictures" / f"{index}.png").write_bytes(
            cv2.imencode(".png", image[..., ::-1])[1].tobytes()
        )
    return tmp_path / "pictures"


def test_pictures_of_a_folder_are_chosen_evenly(folder, pictures, monkeypatch, capsys) -> None:
    seen = []

    def copy(source, target, kind, inputs):
        seen.extend(one["image"][0, 0].argmax(axis=0)[0] for one in inputs)
        shutil.copyfile(source, target)

    monkeypatch.setattr(quantization, "quantize_file", copy)
    arguments = ["quantize", str(folder), "--calibration", str(pictures), "--pictures", "3"]
    assert main(arguments) == 0
    assert seen == [0, 2, 4], "every second picture: the red begins where its number says"
    output = capsys.readouterr().out
    assert "wrote segmenter.int8.onnx, from 3 pictures" in output
    reason = (
        "what it loses in openvino was not measured: openvino runs it only with --precision int8"
    )
    assert reason in output
    made_by = load_model_folder(str(folder)).manifest.int8.made_by
    assert made_by == "psg quantize model --calibration pictures --pictures 3"


def test_without_pictures_it_says_what_to_give(folder, capsys) -> None:
    assert main(["quantize", str(folder)]) == 2
    assert "give --data an annotated set, or --calibration a folder" in capsys.readouterr().err


def test_without_onnxruntime_it_names_the_extra(folder, pictures, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    monkeypatch.delattr("onnxruntime.quantization", raising=False)  # an earlier import left it
    assert main(["quantize", str(folder), "--calibration", str(pictures)]) == 1
    assert "pip install onnxruntime (extra 'quantize')" in capsys.readouterr().err
    assert load_model_folder(str(folder)).manifest.twins == {}
