# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`psg build-engine` without a GPU: what it says; and on the fake one, where it keeps engines."""

from __future__ import annotations

import pytest

from psg_ros.__main__ import main
from psg_ros.robot.runtime.tensorrt import driver


def test_without_a_gpu_it_says_so_in_one_line(monkeypatch, tiny_model, capsys):
    monkeypatch.setattr(driver, "shows_itself", lambda: False)
    driver.ask_driver.cache_clear()
    assert main(["build-engine", str(tiny_model)]) == 2
    printed = capsys.readouterr()
    assert not printed.out and len(printed.err.splitlines()) == 1
    assert "no engine can be built here: this machine has no NVIDIA GPU" in printed.err


def test_a_model_that_is_not_there_and_a_wrong_device_are_refused(tiny_model, capsys):
    assert main(["build-engine", "no_such_model"]) == 2
    assert "no model 'no_such_model'" in capsys.readouterr().err
    assert main(["build-engine", str(tiny_model), "--device", "nvidia"]) == 2
    assert "device must be one of" in capsys.readouterr().err


def test_check_names_each_file(capsys):
    pytest.importorskip("onnx")
    assert main(["build-engine", "demo", "--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "segmenter.onnx: nothing to refuse",
        "relations.onnx: nothing to refuse",
        "segmenter.int8.onnx: nothing to refuse",
    ]


def test_check_lists_what_is_refused(monkeypatch, tiny_model, capsys):
    check = pytest.importorskip("psg_ros.network.tensorrt_check")
    monkeypatch.setattr(check, "check_artifact", lambda path, spec: ["TopK of 4,800 values"])
    assert main(["build-engine", str(tiny_model), "--check"]) == 1
    out = capsys.readouterr().out
    assert "segmenter.onnx: TensorRT would refuse\n  TopK of 4,800 values\n" in out


@pytest.fixture
def fakes(monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime", reason="computes what the fake GPU answers")
    import fake_cuda
    from fake_nvidia import install

    from psg_ros.robot.runtime import compiled_cache

    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))
    compiled_cache._warn.cache_clear()
    return install(monkeypatch, fake_cuda.Gpu())


def test_engines_are_built_once_and_their_place_is_said(fakes, tiny_model, tmp_path, capsys):
    for _ in range(2):
        assert main(["build-engine", str(tiny_model)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("segmenter.onnx: ready after ")
        assert lines[-1] == f"engines lie in {tmp_path / 'cache' / 'tensorrt'}"
    assert fakes.builds == 2, "one engine for each file"


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_of_others_is_an_error_here(fakes, tiny_model, tmp_path, capsys, mode):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(mode)
    assert main(["build-engine", str(tiny_model)]) == 2
    assert "other users may write into" in capsys.readouterr().err
    assert fakes.builds == 0
